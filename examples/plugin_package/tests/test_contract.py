"""Each component fulfills the contract of its kind."""

from ganblocks_example_plugin import FilterResponseNorm, ResidualStackGenerator, SoftMarginLoss

from ganblocks.testing import check_component


def test_generator() -> None:
    """Any size, any channels, both memory formats, copies, specs."""
    check_component("generator", lambda: ResidualStackGenerator(base_channels=4, n_blocks=1))


def test_norm() -> None:
    """Any size, batch 1, 1×1 maps, and a pure eval mode."""
    check_component("norm", lambda: FilterResponseNorm(8))


def test_adversarial_loss() -> None:
    """Finite gradients that pull real and fake logits apart."""
    check_component("adversarial loss", SoftMarginLoss)
