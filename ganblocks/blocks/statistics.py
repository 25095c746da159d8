"""Which statistics norms use at inference: the image's or the running ones."""

import copy
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from ganblocks.arguments import checked
from ganblocks.blocks.norm import BatchNorm, InstanceNorm
from ganblocks.errors import OptionError, require_one_of
from ganblocks.spec import record_of
from ganblocks.torch_classes import StatisticsNorm

Module = TypeVar("Module", bound=nn.Module)

STATISTICS = ("image", "running")


@checked
def with_statistics(network: nn.Module, statistics: str) -> nn.Module:
    """Returns an eval-mode copy of a network that shares its weights; the network is unchanged.

    Args:
        network: Any module; its mode and buffers stay unchanged.
        statistics: `"image"` normalizes each image by its own statistics, as pix2pix does when
            it samples and scores (batch norm at batch 1; Isola et al., 2017, section 3.3).
            Torch's 2D batch norms become instance norms; a norm of any other class that keeps
            running statistics runs as in training, image by image. `"running"` uses the running
            averages, as `eval()` does.

    Returns:
        The copy, in eval mode. Its parameters are the network's own, so it follows every update
        until the network is moved or cast, and needs almost no memory. DataParallel and DDP
        wrappers are removed.

    Raises:
        OptionError: `statistics` has an invalid value, or the network cannot be copied.

    Examples:
        >>> import torch
        >>> from ganblocks.blocks import BatchNorm
        >>> norm, image = BatchNorm(4), torch.randn(1, 4, 8, 8)
        >>> twin = with_statistics(norm, "image")
        >>> bool(torch.allclose(twin(image), norm.train()(image), atol=1e-5))
        True
    """
    require_one_of("statistics", statistics, STATISTICS, see="eval-is-worse")
    if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
        network = network.module
    shared: dict[int, Any] = {id(t): t for t in (*network.parameters(), *network.buffers())}
    if statistics == "image":  # norms that run as in training update buffers of their own
        for norm in filter(_mixes_images, network.modules()):
            for buffer in norm.buffers(recurse=False):
                shared.pop(id(buffer), None)
    # The recorded arguments of a component may hold networks that are no longer part of it.
    shared |= {id(r): r for m in network.modules() if (r := record_of(m)) is not None}
    twin = copied(network, shared)
    if statistics == "image":
        by_image = {module: _by_image(module) for module in twin.modules() if _mixes_images(module)}
        for name, module in list(twin.named_modules(remove_duplicate=False)):
            if module in by_image:
                twin = _with_submodule(twin, name, by_image[module])
    return twin.eval()


def copied(network: Module, memo: dict[int, Any] | None = None) -> Module:
    """Returns a deep copy of a network; `memo` is that of `copy.deepcopy`."""
    try:
        return copy.deepcopy(network, memo)
    except Exception as error:  # its type depends on the network
        raise OptionError(
            f"{type(network).__name__} cannot be copied ({type(error).__name__}: {error}), but "
            "averages, grids and scores need a copy: use weight_norm and spectral_norm from "
            "torch.nn.utils.parametrizations, or give your own class a __deepcopy__"
        ) from error


def device_of(network: nn.Module) -> torch.device:
    """Returns the device of a network's tensors, or the CPU if it has none."""
    return next(
        (t.device for t in (*network.parameters(), *network.buffers())), torch.device("cpu")
    )


def _mixes_images(module: nn.Module) -> bool:
    """Returns whether a norm uses statistics of other images, in train or eval mode."""
    if isinstance(module, nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d):
        return module.track_running_stats
    return isinstance(module, StatisticsNorm) or getattr(module, "running_mean", None) is not None


def _by_image(norm: nn.Module) -> nn.Module:
    if type(norm) not in (BatchNorm, nn.BatchNorm2d, nn.SyncBatchNorm):
        return OneByOne(norm)
    known: Any = norm
    exact = InstanceNorm(known.num_features, eps=known.eps, affine=False)
    exact.weight, exact.bias = known.weight, known.bias
    return exact


def _with_submodule(root: nn.Module, name: str, module: nn.Module) -> nn.Module:
    if not name:
        return module
    parent, _, attribute = name.rpartition(".")
    setattr(root.get_submodule(parent), attribute, module)
    return root


class OneByOne(nn.Module):
    """Runs a norm of any class in train mode, image by image, with its own buffers."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.norm.train()
        return self

    @override
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.norm(image) for image in x.split(1)])
