"""Feature losses: images are alike where a network's maps of them are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError, ShapeError, require_at_least, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.backbone import BACKBONES, Backbone
from ganblocks.registry import Registry

FEATURE_LOSSES: Registry[FeatureLoss] = Registry("feature losses")
"""Feature losses by name: (output, target, features) → scalar."""

Features = Callable[[Tensor], Any]
"""Images → a sequence of maps (B, C, H, W), or one such sequence for each scale."""


class FeatureLoss(nn.Module, ABC):
    """Compares the features of two images; gradients pass to the output alone.

    In the losses' formulas y is the output, t the target, and a bar the mean over a map.
    """

    def forward(self, output: Tensor, target: Tensor, features: Features | None = None) -> Tensor:
        """Compares an output with its target.

        Args:
            output: Images (B, C, H, W).
            target: Images of the same shape.
            features: Gives the maps, such as `discriminator.features`; a loss that was built with
                features of its own needs none.

        Raises:
            ShapeError: The images differ in shape, or there are none.
            OptionError: There are no features to compare.
        """
        if output.shape != target.shape or output.numel() == 0:
            raise ShapeError(
                f"output {tuple(output.shape)} and target {tuple(target.shape)}: a feature loss "
                "compares images of one shape"
            )
        own = self._own()
        of = own or features
        if of is None:
            raise OptionError(
                f"{type(self).__name__} has no features to compare: call it with "
                'features=discriminator.features, or build it with features="vgg19"'
            )
        # A network of its own runs in full precision; a discriminator as its training runs it.
        quiet = torch.autocast(output.device.type, enabled=False) if own else nullcontext()
        with quiet:
            with torch.no_grad():
                theirs = _scales(of(target))
            return self._compared(_scales(of(output)), theirs)

    @property
    def has_own_features(self) -> bool:
        """Whether it was built with a network of its own, and takes no discriminator's maps."""
        return self._own() is not None

    def _own(self) -> Features | None:
        return None

    @abstractmethod
    def _compared(self, output: list[list[Tensor]], target: list[list[Tensor]]) -> Tensor: ...


@FEATURE_LOSSES.register("feature_matching")
class FeatureMatchingLoss(FeatureLoss):
    r"""Feature matching on a discriminator's maps, the logits left out (Wang et al., 2018).

    $$\sum_{s=1}^{S} \sum_{i=1}^{M} w\,\overline{\left|D^s_i(y) - D^s_i(t)\right|}$$

    over S scales of M maps. The two code bases that use it weigh differently: pix2pixHD takes
    w = 4 / (M S), SPADE w = 1 / S. Both multiply by 10 then.

    Args:
        weighting: `"pix2pixhd"` or `"spade"`.

    Raises:
        OptionError: The weighting is another word; called without features; or a scale has
            logits and no other map.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> critic = PatchDiscriminator(3, base_channels=4, n_layers=1)
        >>> image = torch.rand(1, 3, 32, 32)
        >>> FeatureMatchingLoss()(image, image, critic.features).item()
        0.0
    """

    def __init__(self, weighting: str = "pix2pixhd") -> None:
        super().__init__()
        require_one_of("weighting", weighting, ("pix2pixhd", "spade"))
        self.weighting = weighting

    def _compared(self, output: list[list[Tensor]], target: list[list[Tensor]]) -> Tensor:
        total = []
        for ours, theirs in zip(output, target, strict=True):
            maps = len(ours) - 1
            if maps < 1:
                raise OptionError(
                    "feature matching got one map of a scale, the logits: give it a discriminator "
                    "whose `features` has the maps of its layers too"
                )
            weight = (4 / maps if self.weighting == "pix2pixhd" else 1.0) / len(output)
            total.append(functional.weighted_l1(ours[:-1], theirs[:-1], [weight] * maps))
        return torch.stack(total).sum()


class _OwnFeatures(FeatureLoss):
    """Compares maps of a backbone or a module that it was built with, each with its weight."""

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
                f"layers are {list(layers)!r}: they choose from a named backbone; a module of your "
                "own gives the maps that are to be compared"
            )
        for what, given in {"layers": layers, "map_weights": map_weights}.items():
            if given is not None and (isinstance(given, str) or not isinstance(given, Sequence)):
                raise OptionError(f"{what} is {given!r}: write a list, one for each map")
        for weight in map_weights or ():
            require_at_least("a weight of map_weights", weight, 0)
        if isinstance(features, str):
            if map_weights is None and layers is None and features in BACKBONES:
                map_weights = BACKBONES[features].weights
            features = Backbone(features, layers, backbone_weights)
        elif features is not None and not isinstance(features, nn.Module):
            raise OptionError(
                f"features is {features!r}: write a name ({', '.join(BACKBONES)}), hand in a "
                "module that gives a tuple of maps, or None for the discriminator's"
            )
        self.features = features
        self.map_weights = None if map_weights is None else tuple(map_weights)

    def _own(self) -> Features | None:
        return self.features

    def _compared(self, output: list[list[Tensor]], target: list[list[Tensor]]) -> Tensor:
        ours, theirs = ([x for scale in side for x in scale] for side in (output, target))
        weights = (1.0,) * len(ours) if self.map_weights is None else self.map_weights
        if len(weights) != len(ours):
            raise OptionError(
                f"{len(weights)} map_weights for {len(ours)} maps: write one for each map"
            )
        return self._distance(ours, theirs, weights)

    @abstractmethod
    def _distance(
        self, output: list[Tensor], target: list[Tensor], weights: Sequence[float]
    ) -> Tensor: ...


@FEATURE_LOSSES.register("perceptual")
class PerceptualLoss(_OwnFeatures):
    r"""Distance of the maps that a network has of two images (Johnson et al., 2016).

    $$\sum_i w_i\,\overline{\left|\phi_i(y) - \phi_i(t)\right|}$$

    with the absolute difference, as in pix2pixHD and SPADE (Wang et al., 2018).

    Args:
        features: φ: a torchvision network by name (`"vgg19"`, `"vgg16"`, `"alexnet"`,
            `"resnet18"`, `"resnet50"`), frozen; a module of your own, (B, C, H, W) → tuple of maps,
            whose mode and gradients are yours to set; or None for those given at the call.
        layers: Layers of a named network, in torchvision's words; None takes the usual ones.
        backbone_weights: `"pretrained"`, `"random"`, or the path of a state dict.
        map_weights: wᵢ, one for each map. None takes 1, or the usual ones of a named network.

    Raises:
        OptionError: An argument has an invalid value, or there are no features.
        WeightsError: The weights cannot be fetched or read.
        ShapeError: Called with output and target of different shapes.

    Examples:
        >>> loss = PerceptualLoss("alexnet", backbone_weights="random")
        >>> image = torch.rand(1, 3, 64, 64)
        >>> loss(image, image).item()
        0.0
    """

    def _distance(
        self, output: list[Tensor], target: list[Tensor], weights: Sequence[float]
    ) -> Tensor:
        return functional.weighted_l1(output, target, weights)


@FEATURE_LOSSES.register("style")
class StyleLoss(_OwnFeatures):
    r"""Distance of Gram matrices: which features occur together, wherever (Gatys et al., 2016).

    $$\sum_i w_i\,\|G_i(y) - G_i(t)\|_F^2, \quad G = F F^\top / (C H W)$$

    averaged over the batch (Johnson et al., 2016, equations 3 and 4).

    Args:
        features: As in `PerceptualLoss`.
        layers: As in `PerceptualLoss`.
        backbone_weights: As in `PerceptualLoss`.
        map_weights: As in `PerceptualLoss`.

    Raises:
        OptionError: As in `PerceptualLoss`.
        WeightsError: As in `PerceptualLoss`.
        ShapeError: As in `PerceptualLoss`.

    Examples:
        >>> flip = torch.rand(1, 3, 8, 8)
        >>> loss = StyleLoss(nn.Identity())
        >>> loss(flip, flip.flip(-1)).item() < 1e-9  # no place, no difference
        True
    """

    def _distance(
        self, output: list[Tensor], target: list[Tensor], weights: Sequence[float]
    ) -> Tensor:
        return functional.weighted_gram(output, target, weights)


def _scales(maps: Any) -> list[list[Tensor]]:
    """Returns the maps of every scale, in full precision."""
    if isinstance(maps, Tensor):
        maps = [maps]
    scales = [maps] if all(isinstance(x, Tensor) for x in maps) else list(maps)
    return [[functional.full_precision(x) for x in scale] for scale in scales]
