"""Which statistics norms use at inference: the image's or the running ones."""

import copy
from typing import Any

from torch import nn

from ganblocks.blocks.norm import InstanceNorm
from ganblocks.errors import require_one_of
from ganblocks.spec import record_of

STATISTICS = ("image", "running")


def with_statistics(network: nn.Module, statistics: str) -> nn.Module:
    """Returns an eval-mode twin of a network that shares its weights and leaves it untouched.

    Args:
        network: Any module; its mode and buffers stay unchanged.
        statistics: `"image"` normalizes each image by its own statistics, as pix2pix does when
            it samples and scores (batch norm at batch 1; Isola et al., 2017, section 3.3);
            `"running"` uses the running averages, as `eval()` does.

    Returns:
        The twin in eval mode. Its parameters are the network's own, so it follows every
        update until the network is moved or cast, and takes almost no memory. DataParallel and
        DDP wrappers are removed.

    Raises:
        OptionError: `statistics` has an invalid value.

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
    # The recorded arguments of a component may hold networks that are no longer part of it.
    shared |= {id(r): r for m in network.modules() if (r := record_of(m)) is not None}
    twin = copy.deepcopy(network, shared)
    if statistics == "image":
        twin = _by_instance(twin)
    return twin.eval()


def _by_instance(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
        norm = InstanceNorm(module.num_features, eps=module.eps, affine=False)
        norm.weight, norm.bias = module.weight, module.bias
        return norm
    for name, child in module.named_children():
        setattr(module, name, _by_instance(child))
    return module
