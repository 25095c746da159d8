"""One door to the checks of every kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ganblocks.errors import OptionError, not_one_of, require_one_of
from ganblocks.testing.activations import ACTIVATION_CHECKS, check_activation
from ganblocks.testing.adversarial_losses import ADVERSARIAL_LOSS_CHECKS, check_adversarial_loss
from ganblocks.testing.augmentations import AUGMENTATION_CHECKS, check_augmentation
from ganblocks.testing.blocks import BLOCK_CHECKS, check_block
from ganblocks.testing.contract import Check, line_of, name_of
from ganblocks.testing.datasets import DATASET_CHECKS, check_dataset
from ganblocks.testing.discriminators import DISCRIMINATOR_CHECKS, check_discriminator
from ganblocks.testing.downsamplers import DOWNSAMPLER_CHECKS, check_downsampler
from ganblocks.testing.feature_losses import FEATURE_LOSS_CHECKS, check_feature_loss
from ganblocks.testing.generators import GENERATOR_CHECKS, check_generator
from ganblocks.testing.initializers import INITIALIZER_CHECKS, check_initializer
from ganblocks.testing.norms import NORM_CHECKS, check_norm
from ganblocks.testing.paddings import PADDING_CHECKS, check_padding
from ganblocks.testing.penalties import PENALTY_CHECKS, check_penalty
from ganblocks.testing.reconstruction_losses import (
    RECONSTRUCTION_LOSS_CHECKS,
    check_reconstruction_loss,
)
from ganblocks.testing.upsamplers import UPSAMPLER_CHECKS, check_upsampler

_KINDS: dict[str, tuple[Callable[..., None], tuple[Check, ...]]] = {
    "activation": (check_activation, ACTIVATION_CHECKS),
    "adversarial loss": (check_adversarial_loss, ADVERSARIAL_LOSS_CHECKS),
    "augmentation": (check_augmentation, AUGMENTATION_CHECKS),
    "block": (check_block, BLOCK_CHECKS),
    "dataset": (check_dataset, DATASET_CHECKS),
    "discriminator": (check_discriminator, DISCRIMINATOR_CHECKS),
    "downsampler": (check_downsampler, DOWNSAMPLER_CHECKS),
    "feature loss": (check_feature_loss, FEATURE_LOSS_CHECKS),
    "generator": (check_generator, GENERATOR_CHECKS),
    "initializer": (check_initializer, INITIALIZER_CHECKS),
    "norm": (check_norm, NORM_CHECKS),
    "padding": (check_padding, PADDING_CHECKS),
    "penalty": (check_penalty, PENALTY_CHECKS),
    "reconstruction loss": (check_reconstruction_loss, RECONSTRUCTION_LOSS_CHECKS),
    "upsampler": (check_upsampler, UPSAMPLER_CHECKS),
}


def check_component(kind: str, factory: Callable[[], Any], **options: Any) -> None:
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
        **options: Options of the kind's own function, such as `check_generator`; all have
            `only`, the names of the checks to run, or one name.

    Raises:
        ContractError: A check fails that `cannot` does not name, or one passes that it does;
            or the factory fails.
        OptionError: The kind, an option or a check does not exist, `only` is empty, or the
            factory is none: a component itself, or a function that gives the same one again.

    Examples:
        >>> from ganblocks import NormalInitializer
        >>> check_component("initializer", lambda: NormalInitializer(std=0.01))
    """
    check, _ = _of(kind)
    allowed = list(inspect.signature(check).parameters)[1:]  # the first is the factory
    for option in options:
        require_one_of(f"option of {check.__name__}", option, allowed)
    check(factory, **options)


def check_compile(
    kind: str, factory: Callable[[], Any], backend: str = "inductor", **options: Any
) -> None:
    """Checks that torch.compile with a real backend changes neither outputs nor gradients.

    It takes seconds to minutes; `check_component` does the same with the backend `aot_eager`,
    which traces forward and backward and compiles nothing.

    Args:
        kind: As in `check_component`.
        factory: As in `check_component`.
        backend: A backend of torch.compile.
        **options: As in `check_component`.

    Raises:
        ContractError: The compiled component differs.
        OptionError: The kind has nothing that could be compiled, or does not exist.

    Examples:
        >>> from ganblocks import L1Loss
        >>> check_compile("reconstruction loss", L1Loss, backend="eager")
    """
    if "compile" not in checks_of(kind):
        raise OptionError(f"{kind!r} is a kind of which nothing is compiled: use check_component")
    check_component(kind, factory, only=("compile",), backend=backend, **options)


def checks_of(kind: str) -> dict[str, str]:
    """Lists the checks of a kind, each with a line that says what it demands.

    Args:
        kind: As in `check_component`.

    Raises:
        OptionError: The kind does not exist.

    Examples:
        >>> checks_of("padding")["inside"]
        'Between the padded pixels the map is the one that came.'
    """
    _, checks = _of(kind)
    return {name_of(check): line_of(check) for check in checks}


def checked_kinds() -> list[str]:
    """Lists the kinds that have a contract, each as its registry is called.

    Examples:
        >>> "adversarial losses" in checked_kinds()
        True
    """
    return [_plural(kind) for kind in _KINDS]


def _of(kind: str) -> tuple[Callable[..., None], tuple[Check, ...]]:
    written = str(kind).replace("_", " ").lower()
    for singular, found in _KINDS.items():
        if written in (singular, _plural(singular)):
            return found
    raise OptionError(not_one_of("kind of component", kind, _KINDS))


def _plural(kind: str) -> str:
    if kind.endswith("y"):
        return f"{kind.removesuffix('y')}ies"
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"
