"""Inference modes: with dropout noise as in the paper, without noise, or as `eval()`."""

from __future__ import annotations

from torch import nn

from ganblocks.arguments import checked
from ganblocks.blocks import Dropout, with_statistics
from ganblocks.errors import require_one_of

MODES = ("sample", "mean", "running")
"""Allowed values of `mode`."""

_DROPOUTS = (
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.AlphaDropout, nn.FeatureAlphaDropout),
)


@checked
def with_mode(network: nn.Module, mode: str) -> nn.Module:
    """Returns an inference copy of a network that shares its weights; the network is unchanged.

    Args:
        network: Any module.
        mode: `"sample"` keeps dropout on as noise and normalizes each image by its own statistics,
            as pix2pix does at test time (Isola et al., 2017, section 3.3); `"mean"` does so without
            dropout; `"running"` is `eval()`, with running statistics.

    Returns:
        The copy, in eval mode except for dropout.

    Raises:
        OptionError: `mode` is invalid, or the network cannot be copied.

    Examples:
        >>> import torch
        >>> noisy = with_mode(nn.Sequential(nn.Dropout(0.5)), "sample")
        >>> float(noisy(torch.ones(1000)).min())
        0.0
    """
    require_one_of("mode", mode, MODES, see="eval-is-worse")
    twin = with_statistics(network, "running" if mode == "running" else "image")
    for module in twin.modules():
        if mode == "sample" and isinstance(module, _DROPOUTS):
            module.train()
        elif mode == "mean" and isinstance(module, Dropout):
            module.mode = "train"  # "always" keeps it on in eval mode
    return twin
