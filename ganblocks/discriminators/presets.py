"""Named PatchGANs, by the side of the patch that a logit sees."""

import ganblocks.discriminators.patch  # noqa: F401  (presets name what it registers)
from ganblocks.discriminators.registry import DISCRIMINATORS

for size, n_layers, where in [
    (16, 1, "Isola et al., CVPR 2017, table 2"),
    (34, 2, "between the paper's 16 and 70"),
    (70, 3, "Isola et al., CVPR 2017: their choice"),
    (142, 4, "between the paper's 70 and 286"),
    (286, 5, "Isola et al., CVPR 2017, table 2: the full image"),
]:
    DISCRIMINATORS.preset(
        f"patch_{size}",
        {"type": "patch", "n_layers": n_layers},
        f"PatchGAN with {size}×{size} patches ({where})",
    )
