"""Which layout a state dict has, by its keys; and how an old one is brought up to date."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.errors import WeightsError, listed
from ganblocks.weights import port_patch, port_resnet, port_unet, tutorial_unet
from ganblocks.weights.layout import Format, Keys, Weights

FORMATS = (
    port_unet.UNET,
    tutorial_unet.UNET,
    port_resnet.RESNET,
    port_patch.PATCH,
    port_patch.PIXEL,
)
"""Every foreign layout that is read; a new one is listed here."""

_OURS = Keys(
    what="in ganblocks' own layout",
    reader="load_state_dict",
    pattern=r"(down|up|blocks)\.\d+\.(conv|norm|first|second)\.|(stem|last|logits)\.(conv|norm)\.",
)
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def require_format(weights: Weights, component: str) -> Format:
    """Returns the layout of a state dict, which must be of our network of that name."""
    found = _recognized(weights)
    if found is None:
        all_known = "; ".join(known.what for known in FORMATS if known.component == component)
        raise WeightsError(
            f"no key looks like {all_known}. The first keys are {listed(list(weights)[:3])}"
        )
    if not isinstance(found, Format) or found.component != component:
        raise WeightsError(f"this state dict is {found.what}: use {found.reader}")
    return found


def without_prefix(weights: Weights) -> Weights:
    """Takes one name off all keys, such as `netG.`, where that makes them a known layout's."""
    prefix = "".join(next(iter(weights), "").partition(".")[:2])
    if _recognized(weights) or not all(key.startswith(prefix) for key in weights):
        return weights
    shorter = {key.removeprefix(prefix): value for key, value in weights.items()}
    return shorter if _recognized(shorter) else weights


def up_to_date(weights: Weights) -> dict[str, Tensor]:
    """Returns a state dict as today's torch would have written it.

    Instance norm kept running statistics that nothing used: they are left out. Batch norm did
    not count its batches: the count is 0.
    """
    places = [key.rpartition(".") for key in weights]
    norms = list(dict.fromkeys(norm for norm, _, name in places if name in _STATISTICS))
    learned = any(f"{norm}.{name}" in weights for norm in norms for name in ("weight", "bias"))
    if norms and not learned:
        return {k: v for k, v in weights.items() if k.rpartition(".")[2] not in _STATISTICS}
    made = dict(weights)
    if not any(key.endswith(".num_batches_tracked") for key in weights):
        made.update({f"{norm}.num_batches_tracked": torch.tensor(0) for norm in norms})
    return made


def _recognized(weights: Weights) -> Keys | None:
    """Returns what most of the keys look like."""
    best = max((_OURS, *FORMATS), key=lambda keys: keys.count(weights))
    return best if best.count(weights) else None
