"""Recognizes the layout of a state dict, and normalizes old ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.errors import WeightsError, listed
from ganblocks.weights import (
    multiscale_patch,
    port_patch,
    port_resnet,
    port_unet,
    tutorial_unet,
)
from ganblocks.weights.io import unwrapped
from ganblocks.weights.layout import Format, Keys, Weights

FORMATS = (
    port_unet.UNET,
    tutorial_unet.UNET,
    port_resnet.RESNET,
    port_patch.PATCH,
    port_patch.PIXEL,
    multiscale_patch.PIX2PIXHD,
    multiscale_patch.PIX2PIXHD_PLAIN,
    multiscale_patch.SPADE,
)
"""Every foreign layout; add a new one here."""

_OURS = Keys(
    name="in ganblocks' own layout",
    reader="load_state_dict",
    pattern=r"(down|up|blocks)\.\d+\.(conv|norm|first|second)\.|(stem|last|logits)\.(conv|norm)\.",
)
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def require_format(weights: Weights, component: str) -> Format:
    """Returns the layout of a state dict; raises an error if it is for another network."""
    keys = _recognized(weights)
    if keys is None:
        known = "; ".join(known.name for known in FORMATS if known.component == component)
        raise WeightsError(
            f"no key looks like {known}. The first keys are {listed(list(weights)[:3])}"
        )
    if not isinstance(keys, Format) or keys.component != component:
        raise WeightsError(f"this state dict is {keys.name}: use {keys.reader}")
    return keys


def without_prefix(weights: Weights) -> Weights:
    """Removes a common prefix of the keys, such as `netG.`, if the rest is a known layout."""
    prefix = "".join(next(iter(weights), "").partition(".")[:2])
    if _recognized(weights) or not all(key.startswith(prefix) for key in weights):
        return weights
    shorter = unwrapped({key.removeprefix(prefix): value for key, value in weights.items()})
    return shorter if _recognized(shorter) else weights


def up_to_date(weights: Weights) -> dict[str, Tensor]:
    """Returns a state dict in the form that the current torch writes.

    Old instance norms have unused running statistics, which are removed. Old batch norms have no
    `num_batches_tracked`, which becomes 0.
    """
    places = [key.rpartition(".") for key in weights]
    norms = list(dict.fromkeys(norm for norm, _, name in places if name in _STATISTICS))
    affine = any(f"{norm}.{name}" in weights for norm in norms for name in ("weight", "bias"))
    if norms and not affine:
        return {k: v for k, v in weights.items() if k.rpartition(".")[2] not in _STATISTICS}
    if any(key.endswith(".num_batches_tracked") for key in weights):
        return dict(weights)
    return {**weights, **{f"{norm}.num_batches_tracked": torch.tensor(0) for norm in norms}}


def _recognized(weights: Weights) -> Keys | None:
    best = max((_OURS, *FORMATS), key=lambda keys: keys.count(weights))
    return best if best.count(weights) else None
