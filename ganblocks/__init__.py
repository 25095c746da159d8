"""GAN building blocks for PyTorch: parts that fit together and know what they are.

Blocks, generators, discriminators and losses are imported at once; data, training and
inference, which need more than torch, on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganblocks._version import __version__
from ganblocks.blocks import (
    ACTIVATIONS,
    BLOCKS,
    DOWNSAMPLERS,
    INITIALIZERS,
    NORMS,
    PADDINGS,
    SPADE,
    UPSAMPLERS,
    AdaIN,
    BatchNorm,
    ConvBlock,
    DeconvBlock,
    DownBlock,
    Dropout,
    GroupNorm,
    InstanceNorm,
    KaimingInitializer,
    LayerNorm,
    NormalInitializer,
    OrthogonalInitializer,
    PixelNorm,
    ResidualBlock,
    SelfAttention,
    UpBlock,
    WeightInitializer,
    XavierInitializer,
    adaptive_instance_norm,
    fill_weight,
    initialize,
    spectral_norm,
    with_statistics,
)
from ganblocks.discriminators import (
    DISCRIMINATORS,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    PatchSuggestion,
    PixelDiscriminator,
    suggest_patch_discriminator,
)
from ganblocks.errors import (
    DataError,
    GanBlocksError,
    GanBlocksWarning,
    OptionError,
    RegistryError,
    RunError,
    ShapeError,
    SpecError,
    UnknownOperationError,
    WeightsError,
)
from ganblocks.generators import GENERATORS, ResNetGenerator, UNetGenerator
from ganblocks.losses import (
    ADVERSARIAL_LOSSES,
    RECONSTRUCTION_LOSSES,
    AdversarialLoss,
    L1Loss,
    LSGANLoss,
    VanillaLoss,
)
from ganblocks.reference_weights import to_reference
from ganblocks.registry import Registry, spec_of
from ganblocks.rf import (
    EffectiveField,
    ReceptiveField,
    coverage,
    draw_coverage,
    draw_receptive_field,
    effective_receptive_field,
    explain_logits,
    probe_receptive_field,
    receptive_field,
    register_rule,
    verify_receptive_field,
)

if TYPE_CHECKING:
    from ganblocks.checkpoints import RunFolder
    from ganblocks.data import (
        CMP_PALETTE,
        DATASETS,
        PairedDataset,
        PairedImageDataset,
        PairTransform,
        SyntheticFacades,
        check_pairs,
        download_cmp_facades,
        source_and_target,
        split_names,
    )
    from ganblocks.inference import generate, load, translate
    from ganblocks.training import (
        Pix2PixLosses,
        TrainState,
        fit,
        mean_l1,
        rehearse,
        resolve_device,
        resolve_precision,
        sample_grid,
        train_step,
        write_report,
    )

_LAZY = {
    "ganblocks.checkpoints": ("RunFolder",),
    "ganblocks.data": (
        "CMP_PALETTE",
        "DATASETS",
        "PairTransform",
        "PairedDataset",
        "PairedImageDataset",
        "SyntheticFacades",
        "check_pairs",
        "download_cmp_facades",
        "source_and_target",
        "split_names",
    ),
    "ganblocks.inference": ("generate", "load", "translate"),
    "ganblocks.training": (
        "Pix2PixLosses",
        "TrainState",
        "fit",
        "mean_l1",
        "rehearse",
        "resolve_device",
        "resolve_precision",
        "sample_grid",
        "train_step",
        "write_report",
    ),
}
_HOME = {name: module for module, names in _LAZY.items() for name in names}

__all__ = [
    "ACTIVATIONS",
    "ADVERSARIAL_LOSSES",
    "BLOCKS",
    "CMP_PALETTE",
    "DATASETS",
    "DISCRIMINATORS",
    "DOWNSAMPLERS",
    "GENERATORS",
    "INITIALIZERS",
    "NORMS",
    "PADDINGS",
    "RECONSTRUCTION_LOSSES",
    "SPADE",
    "UPSAMPLERS",
    "AdaIN",
    "AdversarialLoss",
    "BatchNorm",
    "ConvBlock",
    "DataError",
    "DeconvBlock",
    "DownBlock",
    "Dropout",
    "EffectiveField",
    "GanBlocksError",
    "GanBlocksWarning",
    "GroupNorm",
    "InstanceNorm",
    "KaimingInitializer",
    "L1Loss",
    "LSGANLoss",
    "LayerNorm",
    "MultiScaleDiscriminator",
    "NormalInitializer",
    "OptionError",
    "OrthogonalInitializer",
    "PairTransform",
    "PairedDataset",
    "PairedImageDataset",
    "PatchDiscriminator",
    "PatchSuggestion",
    "Pix2PixLosses",
    "PixelDiscriminator",
    "PixelNorm",
    "ReceptiveField",
    "Registry",
    "RegistryError",
    "ResNetGenerator",
    "ResidualBlock",
    "RunError",
    "RunFolder",
    "SelfAttention",
    "ShapeError",
    "SpecError",
    "SyntheticFacades",
    "TrainState",
    "UNetGenerator",
    "UnknownOperationError",
    "UpBlock",
    "VanillaLoss",
    "WeightInitializer",
    "WeightsError",
    "XavierInitializer",
    "__version__",
    "adaptive_instance_norm",
    "check_pairs",
    "coverage",
    "download_cmp_facades",
    "draw_coverage",
    "draw_receptive_field",
    "effective_receptive_field",
    "explain_logits",
    "fill_weight",
    "fit",
    "generate",
    "initialize",
    "load",
    "mean_l1",
    "probe_receptive_field",
    "receptive_field",
    "register_rule",
    "rehearse",
    "resolve_device",
    "resolve_precision",
    "sample_grid",
    "source_and_target",
    "spec_of",
    "spectral_norm",
    "split_names",
    "suggest_patch_discriminator",
    "to_reference",
    "train_step",
    "translate",
    "verify_receptive_field",
    "with_statistics",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ganblocks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
