"""The checks that all networks share, from generators down to paddings."""

from __future__ import annotations

from itertools import count

import torch
from torch import Tensor, nn

from ganblocks.blocks import Dropout
from ganblocks.testing.contract import (
    Check,
    require,
    require_finite,
    require_same,
    state_of,
    unchanged,
)
from ganblocks.testing.graphs import compile_, export
from ganblocks.testing.networks import (
    Network,
    mode_of,
    outputs,
    outputs_and_gradients,
    without_dropout,
)
from ganblocks.testing.serialization import copy_, pickle_, spec, state_dict
from ganblocks.testing.tensors import difference, seeded


def double(network: Network) -> None:
    """A float64 input gives a finite float64 output and finite gradients."""
    found = outputs_and_gradients(
        network.moved(torch.float64), network.example(dtype=torch.float64)
    )
    for name, tensor in found.items():
        require(tensor.dtype == torch.float64, f"{name} is {tensor.dtype} for a float64 input")
        require_finite(tensor, name)


def autocast(network: Network) -> None:
    """Under bfloat16 autocast the output is float32 or bfloat16, and every gradient is finite."""
    module = network.moved()

    def run(*inputs: Tensor) -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return module(*inputs)

    for name, tensor in outputs_and_gradients(module, network.example(), run).items():
        require(tensor.dtype in (torch.float32, torch.bfloat16), f"{name} is {tensor.dtype}")
        require_finite(tensor, name)


def layout(network: Network) -> None:
    """Outputs and gradients are the same in channels_last as in contiguous memory.

    Random numbers are drawn in memory order, so they differ between layouts by right: dropout
    is turned off, and what is random in train mode even so is compared in eval mode alone.
    """
    last = torch.channels_last
    one, other = (outputs(_still(network), network.example(), seed) for seed in (1, 2))
    training = not difference(one, other, 0)
    for batch in (1, 2):
        inputs = network.example(batch, dtype=torch.float64)
        expected = outputs_and_gradients(_still(network).double().train(training), inputs)
        turned = [x.contiguous(memory_format=last) if x.dim() == 4 else x for x in inputs]
        twin = _still(network).double().train(training).to(memory_format=last)
        got = outputs_and_gradients(twin, turned, layout=last)
        require_same(got, expected, f"at batch {batch} ")


def gradients(network: Network) -> None:
    """Every input and parameter gets a finite gradient that is not zero.

    Spared are biases that provably cannot matter, such as one that a norm takes away again.
    """
    inputs = network.example(dtype=torch.float64)
    module = network.moved(torch.float64)
    found = outputs_and_gradients(module, inputs)
    leaves = {f"input {n}": x for n, x in enumerate(inputs) if x.is_floating_point()}
    leaves.update((n, p) for n, p in module.named_parameters() if p.requires_grad)
    gradient = {name: found.get(f"gradient of {name}") for name in leaves}
    largest = max(g.abs().max().item() for g in gradient.values() if g is not None)
    for name, g in gradient.items():
        if g is None:
            require(False, f"nothing depends on {name}: it gets no gradient")
        else:
            require_finite(g, f"the gradient of {name}")
            if g.abs().max().item() <= 1e-12 * largest:
                require(_cannot_matter(network, name), f"the gradient of {name} is zero")


def input_untouched(network: Network) -> None:
    """The inputs are not written to, in train mode and in eval mode."""
    for training in (True, False):
        module = network.moved().train(training)
        inputs = network.example()
        names = (f"input {number}, in {mode_of(module)} mode" for number in count())
        with unchanged(dict(zip(names, inputs, strict=False))):
            outputs(module, inputs)


def deterministic(network: Network) -> None:
    """Under one seed of torch a build gives the same weights, and train mode the same output."""
    runs = []
    for _ in range(2):
        with seeded(5):
            module = network.make().train()
        runs.append({**state_of(module), **outputs(module, network.example())})
    require_same(runs[1], runs[0], "under the same seed ", 0)


def eval_deterministic(network: Network) -> None:
    """In eval mode two runs give the same output, whatever the seed.

    Where a Dropout of mode "always" and p > 0 asks for noise, they have to differ.
    """
    module, inputs = network.used().eval(), network.example()
    off = difference(outputs(module, inputs, seed=1), outputs(module, inputs, seed=2), 0)
    dropouts = [child for child in module.modules() if isinstance(child, Dropout)]
    if any(dropout.mode == "always" and dropout.p > 0 for dropout in dropouts):
        require(bool(off), "its dropout of mode 'always' makes no noise in eval mode")
    else:
        require(not off, f"under another seed {off}")


def eval_pure(network: Network) -> None:
    """A run in eval mode changes no parameter and no buffer."""
    module = network.used().eval()
    with unchanged({}, {"the module": module}):
        outputs(module, network.example())


def modes(network: Network) -> None:
    """train() and eval() reach every module, and a run in eval mode leaves no trace in training."""
    module, twin, inputs = network.moved(), network.moved(), network.example()
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


def batch_independent(network: Network) -> None:
    """In eval mode what an image becomes depends on no other of its batch, nor on its place."""
    module = without_dropout(network.used()).double().eval()
    inputs = network.example(batch=3, dtype=torch.float64)
    expected = outputs(module, inputs)
    for image in range(3):
        place = (image + 1) % 3
        among = tuple(_others(x) for x in inputs)
        for x, batch in zip(inputs, among, strict=True):
            batch[place] = x[image]
        require_same(
            {name: out[place] for name, out in outputs(module, among).items()},
            {name: out[image] for name, out in expected.items()},
            f"of image {image}, at place {place} among other images, ",
        )


def meta(network: Network) -> None:
    """Built on the meta device it holds no data there, and has the shapes of the real one."""
    with torch.device("meta"):
        made = state_of(network.make())
    real = state_of(network.make())
    require(made.keys() == real.keys(), f"on meta it holds {sorted(made)}, else {sorted(real)}")
    for name, tensor in made.items():
        require(tensor.is_meta, f"{name} is on {tensor.device}")
        require(tensor.shape == real[name].shape, f"{name} has shape {tuple(tensor.shape)} on meta")


def _still(network: Network) -> nn.Module:
    return without_dropout(network.moved())


def _others(x: Tensor) -> Tensor:
    """Makes other images; integers may be labels, of which there are no others than those."""
    return 3 * x.flip(0) + 0.5 if x.is_floating_point() else x.flip(0)


def _cannot_matter(network: Network, name: str) -> bool:
    """Shifts a bias and sees whether the output stays."""
    module, inputs = network.moved(torch.float64), network.example(dtype=torch.float64)
    twin = network.moved(torch.float64)
    if not name.endswith("bias"):
        return False
    with torch.no_grad():
        bias = twin.get_parameter(name)
        bias.add_(torch.randn_like(bias))
    return not difference(outputs(twin, inputs), outputs(module, inputs))


NETWORK_CHECKS: tuple[Check, ...] = (
    double,
    autocast,
    layout,
    gradients,
    input_untouched,
    deterministic,
    eval_deterministic,
    eval_pure,
    modes,
    batch_independent,
    copy_,
    pickle_,
    spec,
    state_dict,
    meta,
    compile_,
    export,
)
"""What every network of every kind has to pass, besides the checks of its own kind."""
