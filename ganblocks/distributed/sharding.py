"""Networks sharded over processes (FSDP2), and their full state dicts.

A run's files are the same with and without sharding: full tensors, on the CPU.
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
    """Shards a network's weights over the processes; each block is gathered while it runs.

    Each member of a module list is such a block (PyTorch's `fully_shard`; Zhao et al., VLDB 2023).
    """
    size = DistributedContext.current().world_size
    if size == 1:
        raise OptionError(
            "shard=True, but there is only one process: start several with torchrun and join them "
            "with process_group, or write shard=False"
        )
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (size,))
    for module in reversed(list(network.modules())):  # inner blocks first
        for block in module if isinstance(module, nn.ModuleList) else ():
            if any(p.requires_grad for p in block.parameters()):
                fully_shard(block, mesh=mesh)
    kind = type(network)
    fully_shard(network, mesh=mesh)
    keep_spec(network, kind)


def is_sharded(network: nn.Module) -> bool:
    """Returns whether a network is sharded."""
    return any(hasattr(p, "full_tensor") for p in network.parameters())


def full_tensor(tensor: Tensor) -> Tensor:
    """Returns a tensor, gathered if it is sharded; every process must then call it."""
    full: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full


def full_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Returns a network's state dict under plain keys.

    If the network is sharded, every process must call it; rank 0 gets the state on the CPU, the
    others an empty dictionary.
    """
    if not is_sharded(network):
        return plain_state_dict(network)
    checkpoint = _checkpoint()
    options = checkpoint.StateDictOptions(full_state_dict=True, cpu_offload=True)
    return dict(checkpoint.get_model_state_dict(network, options=options))


def load_full_state_dict(network: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Loads a full state dict; a sharded network loads only this process's part."""
    fitting = fitting_weights(network, weights, source)
    if not is_sharded(network):
        network.load_state_dict(fitting)
        return
    checkpoint = _checkpoint()
    options = checkpoint.StateDictOptions(full_state_dict=True)
    checkpoint.set_model_state_dict(network, fitting, options=options)


def full_optimizer_state(
    networks: Sequence[nn.Module], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Returns an optimizer's state dict; for sharded networks see `full_state_dict`."""
    if not any(map(is_sharded, networks)):
        return optimizer.state_dict()
    checkpoint, container = _checkpoint(), nn.ModuleList(networks)
    options = checkpoint.StateDictOptions(full_state_dict=True, cpu_offload=True)
    by_name = checkpoint.get_optimizer_state_dict(container, optimizer, options=options)
    if not by_name:  # not rank 0
        return {}
    indices = {name: index for index, (name, _) in enumerate(container.named_parameters())}
    return _renamed(by_name, indices)


def load_full_optimizer_state(
    networks: Sequence[nn.Module], optimizer: torch.optim.Optimizer, saved: dict[str, Any]
) -> None:
    """Loads an optimizer's full state dict; the optimizer keeps its current arguments."""
    groups = [
        {**now, "params": then["params"], "lr": _resumed_rate(now, then)}
        for then, now in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    saved = {**saved, "param_groups": groups}
    if saved["state"] and any(map(is_sharded, networks)):  # torch fails without any
        checkpoint, container = _checkpoint(), nn.ModuleList(networks)
        names = dict(enumerate(name for name, _ in container.named_parameters()))
        options = checkpoint.StateDictOptions(full_state_dict=True)
        by_name = _renamed(saved, names)
        checkpoint.set_optimizer_state_dict(container, optimizer, by_name, options=options)
    else:
        optimizer.load_state_dict(saved)
    for parameter, entry in optimizer.state.items():
        for key, value in entry.items():
            if isinstance(value, Tensor):  # copied, as torch keeps the saved tensor itself
                # Fused CPU kernels need the moments in the memory layout of the parameter.
                like = parameter if value.dim() and value.shape == parameter.shape else value
                entry[key] = torch.empty_like(like).copy_(value)


def _checkpoint() -> Any:
    """Imports torch's distributed checkpointing on demand, because the import is slow."""
    from torch.distributed.checkpoint import state_dict

    return state_dict


def _renamed(state: dict[str, Any], keys: dict[Any, Any]) -> dict[str, Any]:
    groups = [{**g, "params": [keys[p] for p in g["params"]]} for g in state["param_groups"]]
    return {
        "state": {keys[p]: entry for p, entry in state["state"].items()},
        "param_groups": groups,
    }


def _resumed_rate(now: dict[str, Any], then: dict[str, Any]) -> float:
    """Returns the current initial rate, scaled by the progress of the saved schedule."""
    initial, rate = float(now.get("initial_lr", now["lr"])), float(then["lr"])
    saved_initial = float(then.get("initial_lr", rate))
    return initial * rate / saved_initial if saved_initial else initial
