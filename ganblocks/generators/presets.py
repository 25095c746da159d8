"""Named generators of reference implementations."""

import ganblocks.generators.resnet
import ganblocks.generators.unet  # noqa: F401  (presets name what these register)
from ganblocks.generators.registry import GENERATORS
from ganblocks.registry import Spec

UNETS: dict[str, tuple[Spec, str]] = {
    "unet_256": ({}, "256 of the PyTorch port of pix2pix, 54,413,955 parameters"),
    "unet_128": ({"num_downs": 7}, "128 of the PyTorch port of pix2pix, 41,828,995 parameters"),
    "unet_256_lua": (
        {"dialect": "lua", "dropout_mode": "always"},
        "256 of the paper's Lua code (Isola et al., CVPR 2017), dropout at 2², 4², 8²",
    ),
    "unet_256_tutorial": (
        {"dialect": "tutorial", "dropout_mode": "always"},
        "256 of the pix2pix tutorials, activation after norm, 54,413,958 parameters",
    ),
}
for name, (arguments, summary) in UNETS.items():
    GENERATORS.preset(name, {"type": "unet", **arguments}, f"U-Net {summary}")
for n_blocks, count, size in [(6, "7,841,411", 128), (9, "11,383,427", 256)]:
    GENERATORS.preset(
        f"resnet_{n_blocks}blocks",
        {"type": "resnet", "n_blocks": n_blocks},
        f"ResNet with {n_blocks} blocks of the PyTorch port of CycleGAN (Zhu et al., ICCV 2017), "
        f"for {size}² and up, {count} parameters",
    )
