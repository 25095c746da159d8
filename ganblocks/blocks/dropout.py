"""Dropout that can stay on in eval mode."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import require_fraction, require_one_of

DROPOUT_MODES = ("train", "always")


@checked
class Dropout(nn.Dropout):
    """Zeroes individual values with probability p and scales the rest by 1 / (1 − p).

    Args:
        p: Probability of zeroing a value, from 0 to 1.
        mode: `"train"` as in PyTorch; `"always"` keeps dropout on in eval mode too, which is the
            noise of pix2pix (Isola et al., 2017, section 3.1).

    Raises:
        OptionError: The probability is not from 0 to 1, or the mode is unknown.

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

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Drops values in train mode, or always if the mode says so.

        Args:
            input: Values of any shape.
        """
        return F.dropout(input, self.p, training=self.training or self.mode == "always")

    def extra_repr(self) -> str:
        """Returns the options that `repr` shows."""
        return f"p={self.p}, mode={self.mode!r}"
