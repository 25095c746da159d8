"""One door to the checks of every kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ganblocks.errors import OptionError, not_one_of, require_one_of
from ganblocks.testing.adversarial_losses import Adversarial
from ganblocks.testing.augmentations import Augmenting
from ganblocks.testing.contract import Subject, line_of, name_of, run_checks
from ganblocks.testing.datasets import Dataset
from ganblocks.testing.discriminators import Discriminator
from ganblocks.testing.initializers import Initializing
from ganblocks.testing.modules import (
    Activation,
    Block,
    Downsampler,
    Generator,
    Norm,
    Padding,
    Upsampler,
)
from ganblocks.testing.penalties import Penalizing
from ganblocks.testing.reconstruction_losses import Featured, Reconstruction

_SUBJECTS: dict[str, type[Subject[Any]]] = {
    "activation": Activation,
    "adversarial loss": Adversarial,
    "augmentation": Augmenting,
    "block": Block,
    "dataset": Dataset,
    "discriminator": Discriminator,
    "downsampler": Downsampler,
    "feature loss": Featured,
    "generator": Generator,
    "initializer": Initializing,
    "norm": Norm,
    "padding": Padding,
    "penalty": Penalizing,
    "reconstruction loss": Reconstruction,
    "upsampler": Upsampler,
}


def check_component(
    kind: str,
    factory: Callable[[], Any],
    *,
    only: Iterable[str] | None = None,
    **options: Any,
) -> None:
    """Checks that a component keeps the contract of its kind: one line of a plug-in's tests.

    What a component cannot do it declares with a reason, in an attribute or property `cannot`
    such as `{"export": "the loop's length depends on the image"}`. A declared check is run
    too, and has to fail.

    Everything runs on the CPU.

    Args:
        kind: `"generator"`, `"adversarial loss"`, ... in the singular or the plural, with
            spaces or underscores.
        factory: Takes nothing and builds a fresh component at every call, the same under the
            same seed.
        only: Names of the checks to run, or one name, from `checks_of(kind)`; None runs all.
        **options: What the kind needs to know besides, where it cannot read it from the
            component's attributes or spec: `size`, the height and width of the images of most
            checks; `in_channels` and `out_channels` of generators, blocks and samplers,
            `in_channels` of discriminators, `channels` of norms and activations; `padding`, in
            pixels a side; `inputs`, which makes the inputs of a network that takes more than one
            image from `(batch, height, width)`, each with the batch first; `backend` of
            torch.compile. The usual backend, `"aot_eager"`, traces and compiles nothing;
            `only="compile", backend="inductor"` takes seconds to minutes.

    Raises:
        ContractError: A check fails that `cannot` does not name, or one passes that it does;
            or the factory fails.
        OptionError: The kind, an option or a check does not exist, `only` is empty, or the
            factory is none: a component itself, or a function that gives the same one again.

    Examples:
        >>> from ganblocks.blocks import NormalInitializer
        >>> check_component("initializer", lambda: NormalInitializer(std=0.01))
    """
    subject = _subject_of(kind)
    allowed = [*inspect.signature(subject).parameters][1:]  # the first is the factory
    for option in options:
        require_one_of(f"option of {subject.kind}", option, allowed)
    run_checks(subject(factory, **options), only)


def checks_of(kind: str) -> dict[str, str]:
    """Lists the checks of a kind, each with a line that says what must hold.

    Args:
        kind: As in `check_component`.

    Raises:
        OptionError: The kind does not exist.

    Examples:
        >>> checks_of("padding")["inside"]
        'Between the padded pixels the map is the one that came.'
    """
    return {name_of(check): line_of(check) for check in _subject_of(kind).checks}


def checked_kinds() -> list[str]:
    """Lists the kinds that have a contract, each as its registry is called."""
    return [subject.kind for subject in _SUBJECTS.values()]


def _subject_of(kind: str) -> type[Subject[Any]]:
    written = str(kind).replace("_", " ").lower()
    for singular, subject in _SUBJECTS.items():
        if written in (singular, subject.kind):
            return subject
    raise OptionError(not_one_of("kind of component", kind, _SUBJECTS))
