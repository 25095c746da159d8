"""Which network a state dict is of, by its keys; and how an old one is brought up to date."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

import torch
from torch import Tensor

from ganblocks.errors import WeightsError, listed
from ganblocks.reference_weights.layout import Weights

# A family's keys, what it is, and who reads it.
_FAMILIES = {
    "ours": (
        r"(down|up|blocks)\.\d+\.(conv|norm|first|second)\.|(stem|last|logits)\.(conv|norm)\.",
        "in ganblocks' own layout",
        "load_state_dict",
    ),
    "unet": (
        r"model\.model\.",
        "a U-Net of the PyTorch port of pix2pix",
        "UNetGenerator.from_reference",
    ),
    "tutorial_unet": (
        r"(de)?conv\d+\.\d+\.",
        "a U-Net of the pix2pix tutorial",
        "UNetGenerator.from_reference",
    ),
    "resnet": (
        r"model\.(1\.|\d+\.conv_block\.)",
        "a ResNet of the PyTorch port of pix2pix",
        "ResNetGenerator.from_reference",
    ),
    "patch": (
        r"model\.\d+\.",
        "a PatchGAN of the PyTorch port of pix2pix",
        "PatchDiscriminator.from_reference",
    ),
    "pixel": (
        r"net\.\d+\.",
        "a PixelGAN of the PyTorch port of pix2pix",
        "PixelDiscriminator.from_reference",
    ),
}
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def family_of(weights: Weights) -> str | None:
    """Tells the family that most of the keys belong to.

    Examples:
        >>> family_of({"net.0.weight": torch.zeros(64, 6, 1, 1)})
        'pixel'
    """
    count = Counter(family for key in weights if (family := _family_of_key(key)))
    if not count:
        return None
    [(family, _)] = count.most_common(1)
    # Most layers of a short ResNet are named as a PatchGAN's, which has nothing at 1.
    return "resnet" if family == "patch" and count["resnet"] else family


def without_prefix(weights: Weights) -> Weights:
    """Takes one name off all keys, such as `netG.`, where that makes them a family's.

    Examples:
        >>> list(without_prefix({"netD.net.0.weight": torch.zeros(64, 6, 1, 1)}))
        ['net.0.weight']
    """
    prefix = "".join(next(iter(weights), "").partition(".")[:2])
    if family_of(weights) or not all(key.startswith(prefix) for key in weights):
        return weights
    shorter = {key.removeprefix(prefix): value for key, value in weights.items()}
    return shorter if family_of(shorter) else weights


def require_family(weights: Weights, allowed: Collection[str]) -> str:
    """Gives the family of a state dict.

    Raises:
        WeightsError: It is not among those allowed; the message says who reads it.
    """
    family = family_of(weights)
    if family is None:
        known = "; ".join(_FAMILIES[name][1] for name in allowed)
        raise WeightsError(
            f"no key looks like {known}. The first keys are {listed(list(weights)[:3])}"
        )
    if family not in allowed:
        _, what, reader = _FAMILIES[family]
        raise WeightsError(f"this state dict is {what}: use {reader}")
    return family


def words_for(family: str) -> str:
    """Says what a family is."""
    return _FAMILIES[family][1].removeprefix("a ")


def up_to_date(weights: Weights) -> dict[str, Tensor]:
    """Gives a state dict as today's torch would have written it.

    Instance norm kept running statistics that nothing used: they are left out. Batch norm did
    not count its batches: the count is 0.

    Examples:
        >>> old = {"n.running_mean": torch.zeros(4), "n.running_var": torch.ones(4)}
        >>> list(up_to_date(old))
        []
    """
    places = [key.rpartition(".") for key in weights]
    norms = list(dict.fromkeys(norm for norm, _, name in places if name in _STATISTICS))
    learnt = any(f"{norm}.{name}" in weights for norm in norms for name in ("weight", "bias"))
    if norms and not learnt:
        return {k: v for k, v in weights.items() if k.rpartition(".")[2] not in _STATISTICS}
    made = dict(weights)
    if not any(key.endswith(".num_batches_tracked") for key in weights):
        made.update({f"{norm}.num_batches_tracked": torch.tensor(0) for norm in norms})
    return made


def _family_of_key(key: str) -> str | None:
    return next((name for name, (keys, *_) in _FAMILIES.items() if re.match(keys, key)), None)
