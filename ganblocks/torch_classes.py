"""Base classes that torch keeps private, under public names; nothing else imports them."""

from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils.parametrizations import _SpectralNorm

ConvNd = _ConvNd
DropoutNd = _DropoutNd
StatisticsNorm = _NormBase
"""Base class of batch and instance norms of any dimension, which may track statistics."""
SpectralNorm = _SpectralNorm
