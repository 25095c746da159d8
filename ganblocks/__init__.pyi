"""What `ganblocks` offers, each name once; `__init__.py` imports it from its room on first use."""

from . import (
    augment as augment,
    blocks as blocks,
    data as data,
    demo as demo,
    discriminators as discriminators,
    distributed as distributed,
    errors as errors,
    generators as generators,
    health as health,
    inference as inference,
    losses as losses,
    metrics as metrics,
    pictures as pictures,
    randomness as randomness,
    registry as registry,
    report as report,
    rf as rf,
    runs as runs,
    tasks as tasks,
    testing as testing,
    training as training,
    weights as weights,
)
from ._version import (
    __version__ as __version__,
)
from .augment import (
    DiffAugment as DiffAugment,
)
from .blocks import (
    ConvBlock as ConvBlock,
    DeconvBlock as DeconvBlock,
    DownBlock as DownBlock,
    ResidualBlock as ResidualBlock,
    SelfAttention as SelfAttention,
    UpBlock as UpBlock,
    initialize as initialize,
    spectral_norm as spectral_norm,
)
from .data import (
    DATASETS as DATASETS,
    DownscaledPairs as DownscaledPairs,
    ImageDataset as ImageDataset,
    PairedImageDataset as PairedImageDataset,
    SyntheticFacades as SyntheticFacades,
    UnpairedImageDataset as UnpairedImageDataset,
)
from .discriminators import (
    DISCRIMINATORS as DISCRIMINATORS,
    MultiScaleDiscriminator as MultiScaleDiscriminator,
    PatchDiscriminator as PatchDiscriminator,
    PixelDiscriminator as PixelDiscriminator,
    ResidualDiscriminator as ResidualDiscriminator,
    suggest_patch_discriminator as suggest_patch_discriminator,
)
from .errors import (
    GanBlocksError as GanBlocksError,
)
from .generators import (
    GENERATORS as GENERATORS,
    Autoencoder as Autoencoder,
    EDSRGenerator as EDSRGenerator,
    LatentGenerator as LatentGenerator,
    ResNetGenerator as ResNetGenerator,
    UNetGenerator as UNetGenerator,
)
from .inference import (
    Translator as Translator,
    export_onnx as export_onnx,
    export_torch as export_torch,
    generate as generate,
    load as load,
    translate as translate,
)
from .losses import (
    ADVERSARIAL_LOSSES as ADVERSARIAL_LOSSES,
    FEATURE_LOSSES as FEATURE_LOSSES,
    PENALTIES as PENALTIES,
    RECONSTRUCTION_LOSSES as RECONSTRUCTION_LOSSES,
    FeatureMatchingLoss as FeatureMatchingLoss,
    HingeLoss as HingeLoss,
    L1Loss as L1Loss,
    LSGANLoss as LSGANLoss,
    Objective as Objective,
    PerceptualLoss as PerceptualLoss,
    R1Penalty as R1Penalty,
    VanillaLoss as VanillaLoss,
    WGANGPPenalty as WGANGPPenalty,
    WGANLoss as WGANLoss,
)
from .metrics import (
    METRICS as METRICS,
)
from .registry import (
    Registry as Registry,
    spec_of as spec_of,
)
from .rf import (
    draw_receptive_field as draw_receptive_field,
    explain_logits as explain_logits,
    receptive_field as receptive_field,
)
from .runs import (
    RunFolder as RunFolder,
)
from .tasks import (
    TASKS as TASKS,
    PairedTranslation as PairedTranslation,
    Player as Player,
    Reconstruction as Reconstruction,
    Task as Task,
    Unconditional as Unconditional,
    UnpairedTranslation as UnpairedTranslation,
)
from .training import (
    EMA as EMA,
    Callback as Callback,
    TrainOptions as TrainOptions,
    Updater as Updater,
    fit as fit,
)

__all__: list[str]
