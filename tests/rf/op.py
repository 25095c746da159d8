"""A network of one function."""

from torch import nn


class Op(nn.Module):
    """Returns what the function makes of the image."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)
