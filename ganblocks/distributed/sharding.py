"""Networks whose weights lie in parts on all processes (FSDP2), and their whole state dicts.

The files of a run are the same with and without: what is saved is whole, on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import OptionError
from ganblocks.spec import keep_spec
from ganblocks.weights.io import fitting_weights, plain_state_dict


def shard_network(network: nn.Module, device: torch.device) -> None:
    """Leaves each process a part of a network's weights; a block is whole while it runs.

    Each member of a list of modules is such a block (PyTorch's `fully_shard`; Zhao et al., VLDB
    2023).
    """
    if DistributedContext.current().size == 1:
        raise OptionError(
            "shard=True: there is one process. Start several with torchrun and join them with "
            "process_group, or leave it out"
        )
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (DistributedContext.current().size,))
    for part in reversed(list(network.modules())):  # what is inside another comes first
        for block in part if isinstance(part, nn.ModuleList) else ():
            if any(p.requires_grad for p in block.parameters()):
                fully_shard(block, mesh=mesh)
    kind = type(network)
    fully_shard(network, mesh=mesh)
    keep_spec(network, kind)


def is_sharded(network: nn.Module) -> bool:
    """Tells whether a network's weights lie in parts on several processes."""
    return any(hasattr(p, "full_tensor") for p in network.parameters())


def whole(tensor: Tensor) -> Tensor:
    """Returns a tensor that may lie in parts as a plain one; if it does, all processes must ask."""
    plain: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return plain


def whole_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Returns a network's state dict under plain keys.

    Of a sharded one it lies on the CPU of the first process, the others get none of it, and all
    must ask.
    """
    if not is_sharded(network):
        return plain_state_dict(network)
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights: Any = get_model_state_dict(network, options=options)
    return dict(weights)


def load_whole(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Loads a whole state dict, of which a sharded network takes its part."""
    fitting = fitting_weights(network, weights, source)
    if not is_sharded(network):
        network.load_state_dict(fitting)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    given: Any = fitting
    set_model_state_dict(network, given, options=StateDictOptions(full_state_dict=True))


def whole_optimizer_state(
    networks: Sequence[nn.Module], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Returns an optimizer's state dict; of a sharded network as `whole_state_dict` does."""
    if not any(map(is_sharded, networks)):
        return optimizer.state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    holder = nn.ModuleList(networks)
    named: Any = get_optimizer_state_dict(holder, optimizer, options=options)
    if not named:  # not the first process
        return {}
    numbers = {name: number for number, (name, _) in enumerate(holder.named_parameters())}
    groups = [
        {**group, "params": [numbers[name] for name in group["params"]]}
        for group in named["param_groups"]
    ]
    state = {numbers[name]: entry for name, entry in named["state"].items()}
    return {"state": state, "param_groups": groups}


def load_whole_optimizer(
    networks: Sequence[nn.Module], optimizer: torch.optim.Optimizer, saved: dict[str, Any]
) -> None:
    """Loads an optimizer's whole state."""
    # What the optimizer is made of now is in force, not what it was when this was written.
    groups = [
        {**now, "params": then["params"], "lr": _rate(now, then)}
        for then, now in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    saved = {**saved, "param_groups": groups}
    if any(map(is_sharded, networks)):
        from torch.distributed.checkpoint.state_dict import (
            StateDictOptions,
            set_optimizer_state_dict,
        )

        holder = nn.ModuleList(networks)
        names = [name for name, _ in holder.named_parameters()]
        named: Any = {
            "state": {names[number]: entry for number, entry in saved["state"].items()},
            "param_groups": [{**g, "params": [names[n] for n in g["params"]]} for g in groups],
        }
        options = StateDictOptions(full_state_dict=True)
        set_optimizer_state_dict(holder, optimizer, named, options=options)
    else:
        optimizer.load_state_dict(saved)
    for parameter, entry in optimizer.state.items():
        for key, value in entry.items():
            if isinstance(value, Tensor):  # a copy of its own: torch keeps the one that is given
                # The fused kernels on the CPU mix up values whose layout is not the parameter's.
                like = parameter if value.dim() and value.shape == parameter.shape else value
                entry[key] = torch.empty_like(like).copy_(value)


def _rate(now: dict[str, Any], then: dict[str, Any]) -> float:
    """Returns the rate of now at the place of the schedule where the checkpoint was written."""
    first, rate = float(now.get("initial_lr", now["lr"])), float(then["lr"])
    before = float(then.get("initial_lr", rate))
    return first * rate / before if before else first
