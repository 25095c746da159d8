"""Feature losses, which compare the feature maps of two images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError, require_at_least, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.backbone import BACKBONES, Backbone
from ganblocks.losses.images import require_two_images
from ganblocks.registry import Registry

FEATURE_LOSSES: Registry[FeatureLoss] = Registry("feature losses")
"""Feature losses by name: (output, target, features) → scalar."""

Features = Callable[[Tensor], Any]
"""Images → a sequence of feature maps (B, C, H, W), or one sequence for each scale."""


class FeatureLoss(nn.Module, ABC):
    """Base class: compares the features of two images; only the output gets gradients.

    In the formulas, y is the output, t the target, and a bar the mean over a map.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features: Features | None = None

    def forward(self, output: Tensor, target: Tensor, features: Features | None = None) -> Tensor:
        """Returns the loss of an output.

        Args:
            output: Images (B, C, H, W).
            target: Images of the same shape.
            features: Function that returns the maps, such as `discriminator.features`; ignored if
                the loss has its own.

        Raises:
            ShapeError: The images differ in shape or are empty.
            OptionError: There are no features, or an image is not a floating-point tensor.
        """
        require_two_images("a feature loss", output=output, target=target)
        extract = features if self.features is None else self.features
        if extract is None:
            raise OptionError(
                f"{type(self).__name__} has no features to compare: call it with "
                'features=discriminator.features, or build it with features="vgg19"'
            )
        # The loss's own network runs in full precision, a discriminator in the training precision.
        own = self.has_own_features
        if own:
            output, target = map(functional.full_precision, (output, target))
        with torch.autocast(output.device.type, enabled=False) if own else nullcontext():
            with torch.no_grad():
                target_maps = _maps_by_scale(extract(target))
            return self._compare(_maps_by_scale(extract(output)), target_maps)

    @property
    def has_own_features(self) -> bool:
        """Whether the loss has its own features and ignores the discriminator's."""
        return self.features is not None

    @abstractmethod
    def _compare(self, output: list[list[Tensor]], target: list[list[Tensor]]) -> Tensor: ...


@FEATURE_LOSSES.register("feature_matching")
class FeatureMatchingLoss(FeatureLoss):
    r"""Feature matching on a discriminator's maps, without the logits (Wang et al., 2018).

    $$\sum_{s=1}^{S} \sum_{i=1}^{M} w\,\overline{\left|D^s_i(y) - D^s_i(t)\right|}$$

    over S scales of M maps, with w = 4 / (M S) in pix2pixHD and w = 1 / S in SPADE. Both use a loss
    weight of 10.

    Args:
        weighting: `"pix2pixhd"` or `"spade"`.

    Raises:
        OptionError: The weighting is unknown; or, in forward: there are no features, or a scale has
            only logits.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> discriminator = PatchDiscriminator(3, base_channels=4, n_layers=1)
        >>> image = torch.rand(1, 3, 32, 32)
        >>> FeatureMatchingLoss()(image, image, discriminator.features).item()
        0.0
    """

    def __init__(self, weighting: str = "pix2pixhd") -> None:
        super().__init__()
        require_one_of("weighting", weighting, ("pix2pixhd", "spade"))
        self.weighting = weighting

    def _compare(self, output: list[list[Tensor]], target: list[list[Tensor]]) -> Tensor:
        losses = []
        for output_maps, target_maps in zip(output, target, strict=True):
            count = len(output_maps) - 1
            if count < 1:
                raise OptionError(
                    "feature matching got only the logits of a scale: use a discriminator "
                    "whose `features` also returns the maps of its layers"
                )
            weight = (4 / count if self.weighting == "pix2pixhd" else 1.0) / len(output)
            weights = [weight] * count
            losses.append(functional.weighted_l1(output_maps[:-1], target_maps[:-1], weights))
        return torch.stack(losses).sum()


class _BackboneLoss(FeatureLoss):
    """Compares the maps of a backbone or a given module, each with its weight."""

    _distance: Callable[[list[Tensor], list[Tensor], Sequence[float]], Tensor]

    def __init__(
        self,
        features: str | nn.Module | None = None,
        *,
        layers: Sequence[str] | None = None,
        backbone_weights: str = "pretrained",
        map_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(features, str) and layers is not None:
            raise OptionError(
                f"layers are {list(layers)!r}: they need a named backbone; your own module "
                "returns the maps to compare"
            )
        for weight in map_weights or ():
            require_at_least("a value of map_weights", weight, 0)
        if isinstance(features, str):
            if map_weights is None and layers is None and features in BACKBONES:
                map_weights = BACKBONES[features].weights
            features = Backbone(features, layers, backbone_weights)
        elif features is not None and not isinstance(features, nn.Module):
            raise OptionError(
                f"features is {features!r}: write a name ({', '.join(BACKBONES)}), a module that "
                "returns a tuple of maps, or None for the discriminator's features"
            )
        self.features = features
        self.map_weights = None if map_weights is None else tuple(map_weights)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Keeps the network in eval mode.

        Args:
            mode: Ignored.
        """
        del mode
        return super().train(False)

    def _compare(self, output: list[list[Tensor]], target: list[list[Tensor]]) -> Tensor:
        output_maps, target_maps = list(chain(*output)), list(chain(*target))
        count = len(output_maps)
        weights = (1.0,) * count if self.map_weights is None else self.map_weights
        if len(weights) != count:
            raise OptionError(
                f"{len(weights)} map_weights for {count} maps: write one for each map"
            )
        return self._distance(output_maps, target_maps, weights)


@FEATURE_LOSSES.register("perceptual")
class PerceptualLoss(_BackboneLoss):
    r"""Distance between the feature maps of two images (Johnson et al., 2016).

    $$\sum_i w_i\,\overline{\left|\phi_i(y) - \phi_i(t)\right|}$$

    with absolute differences, as in pix2pixHD and SPADE (Wang et al., 2018).

    Args:
        features: φ: the name of a torchvision network (`"vgg19"`, `"vgg16"`, `"alexnet"`,
            `"resnet18"`, `"resnet50"`), which is frozen; your own frozen module, (B, C, H, W) →
            tuple of maps, kept in eval mode; or None for the `features` passed to the call.
        layers: Torchvision's names of the layers of a named network; None for the defaults.
        backbone_weights: `"pretrained"`, `"random"`, or the path of a state dict.
        map_weights: wᵢ, one for each map. None for the defaults of a named network, else 1.

    Raises:
        OptionError: An argument has an invalid value.
        WeightsError: The weights could not be downloaded or read.

    Examples:
        >>> loss = PerceptualLoss("alexnet", backbone_weights="random")
        >>> image = torch.rand(1, 3, 64, 64)
        >>> loss(image, image).item()
        0.0
    """

    _distance = staticmethod(functional.weighted_l1)


@FEATURE_LOSSES.register("style")
class StyleLoss(_BackboneLoss):
    r"""Distance between Gram matrices: which features occur together (Gatys et al., 2016).

    $$\sum_i w_i\,\|G_i(y) - G_i(t)\|_F^2, \quad G = F F^\top / (C H W)$$

    averaged over the batch (Johnson et al., 2016, equations 3 and 4).

    Args:
        features: As in `PerceptualLoss`.
        layers: As in `PerceptualLoss`.
        backbone_weights: As in `PerceptualLoss`.
        map_weights: As in `PerceptualLoss`.

    Raises:
        OptionError: An argument has an invalid value.
        WeightsError: The weights could not be downloaded or read.

    Examples:
        >>> image = torch.rand(1, 3, 8, 8)
        >>> loss = StyleLoss(nn.Identity())
        >>> loss(image, image.flip(-1)).item() < 1e-9  # positions do not matter
        True
    """

    _distance = staticmethod(functional.weighted_gram)


def _maps_by_scale(maps: Any) -> list[list[Tensor]]:
    if isinstance(maps, Tensor):
        maps = [maps]
    scales = [maps] if all(isinstance(x, Tensor) for x in maps) else list(maps)
    return [[functional.full_precision(x) for x in scale] for scale in scales]
