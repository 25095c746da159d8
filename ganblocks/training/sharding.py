"""Networks whose weights lie in parts on all processes (FSDP2), and their whole state dicts.

The files of a run are the same with and without: what is saved is whole, on the CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.checkpoints import fitting_weights, plain_state_dict
from ganblocks.errors import OptionError
from ganblocks.training.world import World

_HOW = ("fused", "foreach", "capturable", "differentiable")


def shard(network: nn.Module, device: torch.device) -> None:
    """Leaves each process a part of a network's weights; a block is whole while it runs.

    Each member of a list of modules is such a block (PyTorch's `fully_shard`; Zhao et al., VLDB
    2023).

    Args:
        network: The network, the same in all processes; it is changed, and moved to the device.
        device: Where this process trains.

    Raises:
        OptionError: There are no processes to share it.
    """
    if World.current().size == 1:
        raise OptionError(
            "shard_generator=True: there is one process. Start several with torchrun and join "
            "them with process_group, or leave it out"
        )
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (World.current().size,))
    for part in reversed(list(network.modules())):  # what is inside another comes first
        for block in part if isinstance(part, nn.ModuleList) else ():
            if any(p.requires_grad for p in block.parameters()):
                fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)


def is_sharded(network: nn.Module) -> bool:
    """Tells whether a network's weights lie in parts on several processes.

    Examples:
        >>> is_sharded(nn.Linear(1, 1))
        False
    """
    return any(hasattr(p, "full_tensor") for p in network.parameters())


def whole(tensor: Tensor) -> Tensor:
    """Gives a tensor that may lie in parts as a plain one; if it does, all processes must ask.

    Examples:
        >>> whole(torch.ones(2))
        tensor([1., 1.])
    """
    plain: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return plain


def whole_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Gives a network's state dict under plain keys.

    Of a sharded one it lies on the CPU of the first process, the others get none of it, and all
    must ask.

    Examples:
        >>> sorted(whole_state_dict(nn.Linear(1, 1)))
        ['bias', 'weight']
    """
    if not is_sharded(network):
        return plain_state_dict(network)
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights: Any = get_model_state_dict(network, options=options)
    return dict(weights)


def load_whole(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Loads a whole state dict, of which a sharded network takes its part.

    Args:
        network: The network.
        weights: What `whole_state_dict` gave, the same in all processes.
        source: Where it came from, for the message of an error.

    Raises:
        RunError: It is of another model; the network is unchanged then.
    """
    fitting = fitting_weights(network, weights, source)
    if not is_sharded(network):
        network.load_state_dict(fitting)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    given: Any = fitting
    set_model_state_dict(network, given, options=StateDictOptions(full_state_dict=True))


def whole_optimizer_state(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Gives an optimiser's state dict; of a sharded network as `whole_state_dict` does.

    Args:
        network: The network whose parameters it has, in their order.
        optimizer: The optimiser.
    """
    if not is_sharded(network):
        return optimizer.state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    named: Any = get_optimizer_state_dict(network, optimizer, options=options)
    if not named:  # not the first process
        return {}
    numbers = {name: number for number, (name, _) in enumerate(network.named_parameters())}
    groups = [
        {**group, "params": [numbers[name] for name in group["params"]]}
        for group in named["param_groups"]
    ]
    state = {numbers[name]: entry for name, entry in named["state"].items()}
    return {"state": state, "param_groups": groups}


def load_whole_optimizer(
    network: nn.Module, optimizer: torch.optim.Optimizer, saved: dict[str, Any]
) -> None:
    """Loads an optimiser's whole state.

    Args:
        network: The network whose parameters it has.
        optimizer: The optimiser.
        saved: What `whole_optimizer_state` gave, the same in all processes.
    """
    # How the numbers are computed is this process's own affair, and not the checkpoint's.
    own = [{key: group[key] for key in _HOW if key in group} for group in optimizer.param_groups]
    groups = [
        {**group, **its_own, "lr": float(group["lr"])}  # a tensor where a CUDA graph read it
        for group, its_own in zip(saved["param_groups"], own, strict=True)
    ]
    saved = {**saved, "param_groups": groups}
    if is_sharded(network):
        from torch.distributed.checkpoint.state_dict import (
            StateDictOptions,
            set_optimizer_state_dict,
        )

        names = [name for name, _ in network.named_parameters()]
        named: Any = {
            "state": {names[number]: entry for number, entry in saved["state"].items()},
            "param_groups": [{**g, "params": [names[n] for n in g["params"]]} for g in groups],
        }
        options = StateDictOptions(full_state_dict=True)
        set_optimizer_state_dict(network, optimizer, named, options=options)
    else:
        optimizer.load_state_dict(saved)
    for parameter, entry in optimizer.state.items():
        for key, value in entry.items():
            if isinstance(value, Tensor):  # a copy of its own: torch keeps the one that is given
                # The fused kernels on the CPU mix up values whose layout is not the parameter's.
                like = parameter if value.dim() and value.shape == parameter.shape else value
                entry[key] = torch.empty_like(like).copy_(value)
