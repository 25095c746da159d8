"""Contract checks: what every component has to be and do, for this package and for plug-ins.

from ganblocks.testing import check_component

def test_my_generator():
    check_component("generator", lambda: MyGenerator(base_channels=4))
"""

from ganblocks.testing.activations import check_activation
from ganblocks.testing.adversarial_losses import check_adversarial_loss
from ganblocks.testing.augmentations import check_augmentation
from ganblocks.testing.blocks import check_block
from ganblocks.testing.component import check_compile, check_component, checked_kinds, checks_of
from ganblocks.testing.contract import ContractError
from ganblocks.testing.datasets import check_dataset
from ganblocks.testing.discriminators import check_discriminator
from ganblocks.testing.downsamplers import check_downsampler
from ganblocks.testing.feature_losses import check_feature_loss
from ganblocks.testing.generators import check_generator
from ganblocks.testing.initializers import check_initializer
from ganblocks.testing.norms import check_norm
from ganblocks.testing.paddings import check_padding
from ganblocks.testing.penalties import check_penalty
from ganblocks.testing.reconstruction_losses import check_reconstruction_loss
from ganblocks.testing.upsamplers import check_upsampler

__all__ = [
    "ContractError",
    "check_activation",
    "check_adversarial_loss",
    "check_augmentation",
    "check_block",
    "check_compile",
    "check_component",
    "check_dataset",
    "check_discriminator",
    "check_downsampler",
    "check_feature_loss",
    "check_generator",
    "check_initializer",
    "check_norm",
    "check_padding",
    "check_penalty",
    "check_reconstruction_loss",
    "check_upsampler",
    "checked_kinds",
    "checks_of",
]
