"""Checks components of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ganblocks.errors import OptionError, not_one_of, require_one_of
from ganblocks.testing.adversarial_losses import AdversarialLossTester
from ganblocks.testing.augmentations import AugmentationTester
from ganblocks.testing.contract import Tester, name_of, requirement_of, run_checks
from ganblocks.testing.datasets import DatasetTester
from ganblocks.testing.discriminators import DiscriminatorTester
from ganblocks.testing.formats import FormatTester
from ganblocks.testing.initializers import InitializerTester
from ganblocks.testing.metrics import MetricTester
from ganblocks.testing.modules import (
    ActivationTester,
    BlockTester,
    DownsamplerTester,
    GeneratorTester,
    NormTester,
    PaddingTester,
    UpsamplerTester,
)
from ganblocks.testing.penalties import PenaltyTester
from ganblocks.testing.reconstruction_losses import (
    FeatureLossTester,
    ReconstructionLossTester,
)
from ganblocks.testing.tasks import TaskTester

_TESTERS: dict[str, type[Tester[Any]]] = {
    "activation": ActivationTester,
    "adversarial loss": AdversarialLossTester,
    "augmentation": AugmentationTester,
    "block": BlockTester,
    "dataset": DatasetTester,
    "discriminator": DiscriminatorTester,
    "downsampler": DownsamplerTester,
    "feature loss": FeatureLossTester,
    "format": FormatTester,
    "generator": GeneratorTester,
    "initializer": InitializerTester,
    "metric": MetricTester,
    "norm": NormTester,
    "padding": PaddingTester,
    "penalty": PenaltyTester,
    "reconstruction loss": ReconstructionLossTester,
    "task": TaskTester,
    "upsampler": UpsamplerTester,
}


def check_component(
    kind: str,
    factory: Callable[[], Any],
    *,
    only: Iterable[str] | None = None,
    **options: Any,
) -> None:
    """Checks that a component fulfills the contract of its kind, on the CPU.

    A component that cannot pass a check declares it, with the reason, in an attribute or property
    `cannot` such as `{"export": "the loop's length depends on the image"}`. Declared checks are
    run, too, and must fail.

    Args:
        kind: `"generator"`, `"adversarial loss"`, ... in the singular or the plural, with
            spaces or underscores.
        factory: Function without arguments that builds a new component at every call, equal under
            the same seed.
        only: Names of the checks to run, or one name, from `checks_of(kind)`; None runs all.
        **options: Properties missing from the component's attributes and spec: `size`, the height
            and width of the images of most checks; `in_channels` and `out_channels` of generators,
            blocks and samplers, `in_channels` of discriminators, `channels` of norms and
            activations; `padding` in pixels per side; `inputs`, a function `(batch, height, width)
            -> tensors`, batch first, for a network that takes more than one image; `batch`, a
            function that returns a batch for a task; and `backend` of torch.compile. The default
            backend, `"aot_eager"`, traces but does not compile; `only="compile",
            backend="inductor"` takes seconds to minutes.

    Raises:
        ContractError: A check fails that is not in `cannot`, or passes although it is, or the
            factory fails.
        OptionError: The kind, an option or a check does not exist, `only` is empty, or `factory`
            is a component, or returns the same object at every call.

    Examples:
        >>> from ganblocks.blocks import NormalInitializer
        >>> check_component("initializer", lambda: NormalInitializer(std=0.01))
    """
    tester = _tester_of(kind)
    for option in options:
        require_one_of(f"option of {tester.kind}", option, tester.options)
    run_checks(tester(factory, **options), only)


def checks_of(kind: str) -> dict[str, str]:
    """Returns the checks of a kind by name, each with what it requires.

    Args:
        kind: As in `check_component`.

    Raises:
        OptionError: The kind does not exist.

    Examples:
        >>> checks_of("padding")["inside"]
        'Inside the padding, the output is the input.'
    """
    return {name_of(check): requirement_of(check) for check in _tester_of(kind).checks}


def checked_kinds() -> list[str]:
    """Returns the kinds that have a contract, as their registries name them."""
    return [tester.kind for tester in _TESTERS.values()]


def _tester_of(kind: str) -> type[Tester[Any]]:
    name = str(kind).replace("_", " ").lower()
    for singular, tester in _TESTERS.items():
        if name in (singular, tester.kind):
            return tester
    raise OptionError(not_one_of("kind of component", kind, _TESTERS))
