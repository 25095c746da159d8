"""Checks for all networks, from generators to paddings."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.blocks import Dropout
from ganblocks.errors import GanBlocksError
from ganblocks.testing.contract import (
    Check,
    require,
    require_finite,
    require_raises,
    require_same,
    state_of,
    unchanged,
)
from ganblocks.testing.graphs import compile_, export
from ganblocks.testing.networks import (
    NetworkTester,
    mode_of,
    outputs,
    outputs_and_gradients,
    without_dropout,
)
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import difference, seeded


def double(tester: NetworkTester) -> None:
    """A float64 input gives a finite float64 output and finite gradients."""
    inputs = tester.example(dtype=torch.float64)
    for name, tensor in outputs_and_gradients(tester.perturbed(torch.float64), inputs).items():
        require(tensor.dtype == torch.float64, f"{name} is {tensor.dtype} for a float64 input")
        require_finite(tensor, name)


def autocast(tester: NetworkTester) -> None:
    """Under bfloat16 autocast the output is float32 or bfloat16, and every gradient is finite."""
    module = tester.perturbed()

    def run(*inputs: Tensor) -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return module(*inputs)

    for name, tensor in outputs_and_gradients(run, tester.example(), module=module).items():
        require(tensor.dtype in (torch.float32, torch.bfloat16), f"{name} is {tensor.dtype}")
        require_finite(tensor, name)


def layout(tester: NetworkTester) -> None:
    """Outputs and gradients are the same in channels_last as in contiguous memory.

    Random numbers are drawn in memory order, so they may differ between memory formats: dropout is
    turned off, and modules still random in train mode are compared only in eval mode.
    """
    last = torch.channels_last
    first, second = (outputs(_deterministic(tester), tester.example(), seed) for seed in (1, 2))
    training = not difference(first, second, 0)
    for batch in (1, 2):
        inputs = tester.example(batch, dtype=torch.float64)
        module = _deterministic(tester).double().train(training)
        expected = outputs_and_gradients(module, inputs)
        converted = [x.contiguous(memory_format=last) if x.dim() == 4 else x for x in inputs]
        module = _deterministic(tester).double().train(training).to(memory_format=last)
        result = outputs_and_gradients(module, converted, memory_format=last)
        require_same(result, expected, f"at batch {batch} ")


def gradients(tester: NetworkTester) -> None:
    """Every input and parameter gets a finite gradient that is not zero.

    Biases that provably have no effect are exempt, such as those that a norm cancels.
    """
    inputs = tester.example(dtype=torch.float64)
    module = tester.perturbed(torch.float64)
    results = outputs_and_gradients(module, inputs)
    names = [f"input {n}" for n, x in enumerate(inputs) if x.is_floating_point()]
    names += [name for name, p in module.named_parameters() if p.requires_grad]
    for name in names:
        require(f"gradient of {name}" in results, f"nothing depends on {name}: it has no gradient")
        require_finite(results[f"gradient of {name}"], f"the gradient of {name}")
    largest = {name: results[f"gradient of {name}"].abs().max().item() for name in names}
    for name, size in largest.items():
        if size <= 1e-12 * max(largest.values()):
            require(_has_no_effect(tester, name), f"the gradient of {name} is zero")


def input_untouched(tester: NetworkTester) -> None:
    """Inputs are not modified, in train mode and in eval mode."""
    for training in (True, False):
        module = tester.perturbed().train(training)
        inputs = tester.example()
        names = {f"input {n}, in {mode_of(module)} mode": x for n, x in enumerate(inputs)}
        with unchanged(names):
            outputs(module, inputs)


def deterministic(tester: NetworkTester) -> None:
    """Under the same torch seed, a build has the same weights, and train mode the same output."""
    runs = []
    for _ in range(2):
        with seeded(5):
            module = tester.make().train()
        runs.append({**state_of(module), **outputs(module, tester.example())})
    require_same(runs[1], runs[0], "under the same seed ", 0)


def eval_deterministic(tester: NetworkTester) -> None:
    """In eval mode two runs return the same output, whatever the seed.

    With a Dropout of mode "always" and p > 0 they must differ.
    """
    module, inputs = tester.used().eval(), tester.example()
    differs = difference(outputs(module, inputs, seed=1), outputs(module, inputs, seed=2), 0)
    dropouts = [child for child in module.modules() if isinstance(child, Dropout)]
    if any(dropout.mode == "always" and dropout.p > 0 for dropout in dropouts):
        require(bool(differs), "its dropout of mode 'always' adds no noise in eval mode")
    else:
        require(not differs, f"under another seed {differs}")


def eval_pure(tester: NetworkTester) -> None:
    """A run in eval mode leaves parameters and buffers unchanged."""
    module = tester.used().eval()
    with unchanged({}, module=module):
        outputs(module, tester.example())


def modes(tester: NetworkTester) -> None:
    """train() and eval() reach every module, and a run in eval mode does not affect train mode."""
    module, twin, inputs = tester.perturbed(), tester.perturbed(), tester.example()
    for mode in (False, True):
        module.train(mode)
        if not mode:
            outputs(module, inputs)
        for name, child in module.named_modules():
            require(
                child.training is mode,
                f"{name or 'the module itself'} is in {mode_of(child)} mode, unlike the whole",
            )
    where = "in train mode, after a run in eval mode, "
    require_same(outputs(module, inputs), outputs(twin, inputs), where)


def labels(tester: NetworkTester) -> None:
    """With `num_classes`, labels change the output; missing or invalid ones raise our errors."""
    module: Any = tester.used().eval()
    if not getattr(module, "num_classes", 0):
        return
    x, own = tester.example()
    other = (own + 1) % module.num_classes
    differs = difference(outputs(module, (x, other)), outputs(module, (x, own)))
    require(bool(differs) or module.num_classes == 1, "other labels do not change the output")
    for wrong in (None, own[:1], own.float(), own + module.num_classes):
        require_raises(GanBlocksError, module, x, wrong, case=f"labels={wrong}")


def batch_independent(tester: NetworkTester) -> None:
    """In eval mode, outputs depend on neither the other images nor the place in the batch.

    Scalars, such as loss terms, are exempt.
    """
    module = without_dropout(tester.used()).double().eval()
    inputs = tester.example(batch=3, dtype=torch.float64)
    expected = outputs(module, inputs)
    for image in range(3):
        place = (image + 1) % 3
        # Labels stay valid as they are; images are also changed.
        mixed = tuple(3 * x.flip(0) + 0.5 if x.is_floating_point() else x.flip(0) for x in inputs)
        for x, batch in zip(inputs, mixed, strict=True):
            batch[place] = x[image]
        require_same(
            {name: out[place] for name, out in outputs(module, mixed).items() if out.dim()},
            {name: out[image] for name, out in expected.items() if out.dim()},
            f"for image {image}, at position {place} among other images, ",
        )


def meta(tester: NetworkTester) -> None:
    """Built on the meta device, it has no data and the same shapes."""
    with torch.device("meta"):
        state = state_of(tester.make())
    expected = state_of(tester.make())
    require(
        state.keys() == expected.keys(),
        f"on meta it has {sorted(state)}, elsewhere {sorted(expected)}",
    )
    for name, tensor in state.items():
        require(tensor.is_meta, f"{name} is on {tensor.device}")
        shape = tuple(tensor.shape)
        require(shape == tuple(expected[name].shape), f"{name} has shape {shape} on meta")


def _deterministic(tester: NetworkTester) -> nn.Module:
    return without_dropout(tester.perturbed())


def _has_no_effect(tester: NetworkTester, name: str) -> bool:
    if not name.endswith("bias"):
        return False
    inputs = tester.example(dtype=torch.float64)
    module, shifted = tester.perturbed(torch.float64), tester.perturbed(torch.float64)
    with torch.no_grad():
        bias = shifted.get_parameter(name)
        bias.add_(torch.randn_like(bias))
    return not difference(outputs(shifted, inputs), outputs(module, inputs))


NETWORK_CHECKS: tuple[Check, ...] = (
    *(double, autocast, layout, gradients, input_untouched, deterministic, eval_deterministic),
    *(eval_pure, modes, batch_independent, copy_, pickle_, spec, state_dict, meta, compile_),
    export,
)
"""The checks of every kind of network, in addition to its own."""
