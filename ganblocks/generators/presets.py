"""Named generators: what each reproduces, and the arguments in which the dialects differ."""

import ganblocks.generators.resnet
import ganblocks.generators.unet  # noqa: F401  (presets name what these register)
from ganblocks.generators.registry import GENERATORS

GENERATORS.preset(
    "unet_256",
    {"type": "unet"},
    "U-Net 256 of the PyTorch port of pix2pix, 54,413,955 parameters",
)
GENERATORS.preset(
    "unet_128",
    {"type": "unet", "num_downs": 7},
    "U-Net 128 of the PyTorch port of pix2pix, 41,828,995 parameters",
)
GENERATORS.preset(
    "unet_256_lua",
    {
        "type": "unet",
        "skip_features": "raw",
        "last_bias": False,  # the Lua code zeroes every bias before every step
        "dropout_levels": "paper",
        "dropout_mode": "always",
    },
    "U-Net 256 of the paper's own Lua code (Isola et al., CVPR 2017), dropout at 2², 4², 8²",
)
GENERATORS.preset(
    "unet_256_tutorial",
    {
        "type": "unet",
        "decoder_activation": "before_join",
        "concat_order": "decoder_first",
        "last_norm": "batch",
        "dropout_levels": "paper",
        "dropout_mode": "always",
    },
    "U-Net 256 as the tutorials write it, activation after norm, 54,413,958 parameters",
)
for n_blocks, count, size in [(6, "7,841,411", 128), (9, "11,383,427", 256)]:
    GENERATORS.preset(
        f"resnet_{n_blocks}blocks",
        {"type": "resnet", "n_blocks": n_blocks},
        f"ResNet with {n_blocks} blocks of the PyTorch port of CycleGAN (Zhu et al., ICCV 2017), "
        f"for {size}² and up, {count} parameters",
    )
