"""Feature maps of torchvision's networks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError, ShapeError, WeightsError, listed, require_one_of
from ganblocks.weights.io import read_tensors


class _Defaults(NamedTuple):
    layers: tuple[str, ...]
    weights: tuple[float, ...]


BACKBONES = {
    # After the ReLU of each stage's first convolution; pix2pixHD's weights.
    "vgg19": _Defaults(
        tuple(f"features.{n}" for n in (1, 6, 11, 20, 29)), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
    ),
    # relu1_2, relu2_2, relu3_3 and relu4_3 (Johnson et al., 2016).
    "vgg16": _Defaults(tuple(f"features.{n}" for n in (3, 8, 15, 22)), (1.0,) * 4),
    "alexnet": _Defaults(tuple(f"features.{n}" for n in (1, 4, 7, 9, 11)), (1.0,) * 5),
    "resnet18": _Defaults(("layer1", "layer2", "layer3", "layer4"), (1.0,) * 4),
    "resnet50": _Defaults(("layer1", "layer2", "layer3", "layer4"), (1.0,) * 4),
}
"""Networks by name, with their default layers and the weights of the layers."""


LARGEST = 512
"""Side of images large enough for every layer of these networks."""


class Backbone(nn.Module):
    """Feature maps of chosen layers of a frozen torchvision network.

    Gradients reach the images.

    Attributes:
        min_input_size: Smallest side of an image for which every layer has an output.

    Examples:
        >>> backbone = Backbone("alexnet", weights="random")
        >>> [tuple(maps.shape[1:]) for maps in backbone(torch.zeros(1, 3, 64, 64))[:2]]
        [(64, 15, 15), (192, 7, 7)]
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, name: str, layers: Sequence[str] | None = None, weights: str = "pretrained"
    ) -> None:
        super().__init__()
        require_one_of("backbone", name, BACKBONES)
        from torchvision.models.feature_extraction import (
            create_feature_extractor,
            get_graph_node_names,
        )

        self.name = name
        network = _network(name, weights)
        self.layers = tuple(BACKBONES[name].layers if layers is None else layers)
        if not self.layers or len(set(self.layers)) < len(self.layers):
            raise OptionError(f"layers are {list(self.layers)!r}: write one or more, each once")
        known = get_graph_node_names(network)[1]
        for layer in self.layers:
            if not any(node == layer or node.startswith(f"{layer}.") for node in known):
                raise OptionError(f"{name} has no layer {layer!r}: it has {listed(known)}")
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False  # the map before it may be one of the layers
        nodes = {layer: str(number) for number, layer in enumerate(self.layers)}
        self.network = create_feature_extractor(network.eval(), nodes)
        self.network.requires_grad_(False)
        # ImageNet's statistics, converted from [0, 1] to [-1, 1].
        mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        self.register_buffer("mean", (2 * mean - 1).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", (2 * std).view(1, 3, 1, 1), persistent=False)
        self.min_input_size = bisect_left(range(1, LARGEST), True, key=self._fits) + 1

    def _fits(self, size: int) -> bool:
        """Returns whether an image of this size reaches the last layer; computes only shapes."""
        state = {k: x.to("meta") for k, x in self.network.state_dict().items()}
        image = torch.empty(1, 3, size, size, device="meta")
        try:
            torch.func.functional_call(self.network, state, image)
        except RuntimeError:
            return False
        return True

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Returns the maps in the order of `layers`."""
        if image.dim() != 4 or image.shape[1] not in (1, 3):
            raise ShapeError(
                f"images of shape {tuple(image.shape)}: expected (B, 3, H, W), or (B, 1, H, W) "
                "for gray images. For other images, pass your own feature module"
            )
        if min(image.shape[2:]) < self.min_input_size:
            raise ShapeError(
                f"images of shape {tuple(image.shape)}: {self.name} needs sides of at least "
                f"{self.min_input_size} pixels for {self.layers[-1]!r}. Use larger images or "
                "earlier layers",
                see="image-too-small",
            )
        maps = self.network((image - self.mean.to(image)) / self.std.to(image))
        return tuple(maps[str(number)] for number in range(len(self.layers)))


def _network(name: str, weights: str) -> nn.Module:
    from torchvision.models import get_model, get_model_weights

    try:
        if weights == "pretrained":
            network: nn.Module = get_model(name, weights="DEFAULT")
            return network
        network = get_model(name, weights=None)
        if weights != "random":
            network.load_state_dict(read_tensors(Path(weights)))
        return network
    except Exception as error:  # offline, a full disk, or a file of the wrong kind or network
        url = get_model_weights(name)["DEFAULT"].url
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"the {weights!r} weights of {name} could not be loaded ({type(error).__name__}: "
            f"{reason}): put torchvision's file {Path(url).name} into {folder}, or write the path "
            'of a state dict, or pass your own feature module; "random" needs no weights',
            see="pretrained-weights",
        ) from error
