"""Dropout that says when it is on."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import require_fraction, require_one_of

DROPOUT_MODES = ("train", "always")


class Dropout(nn.Dropout):
    """Zeroes single values with probability p and scales the rest by 1 / (1 − p).

    Args:
        p: Probability of a zero, 0 to 1.
        mode: `"train"` is PyTorch's habit; `"always"` keeps it on in eval mode too, where
            pix2pix draws its noise from (Isola et al., 2017, section 3.1).

    Raises:
        OptionError: The probability is not from 0 to 1, or the mode is another word.

    Examples:
        >>> import torch
        >>> float(Dropout(0.5, mode="always").eval()(torch.ones(1000)).min())
        0.0
    """

    def __init__(self, p: float = 0.5, *, mode: str = "train") -> None:
        require_fraction("dropout", p)
        require_one_of("dropout_mode", mode, DROPOUT_MODES)
        super().__init__(p)
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's own name for it)
        """Drops values where the mode says so.

        Args:
            input: Values of any shape.
        """
        return F.dropout(input, self.p, training=self.training or self.mode == "always")

    def extra_repr(self) -> str:
        """Shows the options in `repr`."""
        return f"p={self.p}, mode={self.mode!r}"
