"""What `ganblocks` offers, each name once: `__init__.py` imports it from its room on first use."""

from ._version import (
    __version__ as __version__,
)
from .augment import (
    AUGMENTATIONS as AUGMENTATIONS,
    Augmentation as Augmentation,
    ColorJitter as ColorJitter,
    Cutout as Cutout,
    DiffAugment as DiffAugment,
    Translation as Translation,
)
from .blocks import (
    ACTIVATIONS as ACTIVATIONS,
    BLOCKS as BLOCKS,
    DOWNSAMPLERS as DOWNSAMPLERS,
    INITIALIZERS as INITIALIZERS,
    NORMS as NORMS,
    PADDINGS as PADDINGS,
    SPADE as SPADE,
    UPSAMPLERS as UPSAMPLERS,
    AdaIN as AdaIN,
    BatchNorm as BatchNorm,
    ConvBlock as ConvBlock,
    DeconvBlock as DeconvBlock,
    DownBlock as DownBlock,
    Dropout as Dropout,
    GroupNorm as GroupNorm,
    InstanceNorm as InstanceNorm,
    KaimingInitializer as KaimingInitializer,
    LayerNorm as LayerNorm,
    NormalInitializer as NormalInitializer,
    OrthogonalInitializer as OrthogonalInitializer,
    PixelNorm as PixelNorm,
    ResidualBlock as ResidualBlock,
    SelfAttention as SelfAttention,
    UpBlock as UpBlock,
    WeightInitializer as WeightInitializer,
    XavierInitializer as XavierInitializer,
    adaptive_instance_norm as adaptive_instance_norm,
    fill_weight as fill_weight,
    initialize as initialize,
    spectral_norm as spectral_norm,
    with_statistics as with_statistics,
)
from .data import (
    CMP_PALETTE as CMP_PALETTE,
    DATASETS as DATASETS,
    PairedDataset as PairedDataset,
    PairedImageDataset as PairedImageDataset,
    PairTransform as PairTransform,
    SyntheticFacades as SyntheticFacades,
    check_pairs as check_pairs,
    download_cmp_facades as download_cmp_facades,
    split_names as split_names,
)
from .discriminators import (
    DISCRIMINATORS as DISCRIMINATORS,
    MultiScaleDiscriminator as MultiScaleDiscriminator,
    PatchDiscriminator as PatchDiscriminator,
    PatchSuggestion as PatchSuggestion,
    PixelDiscriminator as PixelDiscriminator,
    suggest_patch_discriminator as suggest_patch_discriminator,
)
from .distributed import (
    DistributedContext as DistributedContext,
    process_group as process_group,
    restarted as restarted,
)
from .errors import (
    DataError as DataError,
    GanBlocksError as GanBlocksError,
    GanBlocksWarning as GanBlocksWarning,
    HealthWarning as HealthWarning,
    OptionError as OptionError,
    RegistryError as RegistryError,
    RunError as RunError,
    ShapeError as ShapeError,
    SpecError as SpecError,
    UnknownOperationError as UnknownOperationError,
    WeightsError as WeightsError,
)
from .generators import (
    GENERATORS as GENERATORS,
    ResNetGenerator as ResNetGenerator,
    UNetGenerator as UNetGenerator,
)
from .inference import (
    generate as generate,
    load as load,
    translate as translate,
)
from .losses import (
    ADVERSARIAL_LOSSES as ADVERSARIAL_LOSSES,
    FEATURE_LOSSES as FEATURE_LOSSES,
    PENALTIES as PENALTIES,
    RECONSTRUCTION_LOSSES as RECONSTRUCTION_LOSSES,
    AdversarialLoss as AdversarialLoss,
    CharbonnierLoss as CharbonnierLoss,
    ConsistencyPenalty as ConsistencyPenalty,
    DRAGANPenalty as DRAGANPenalty,
    FeatureLoss as FeatureLoss,
    FeatureMatchingLoss as FeatureMatchingLoss,
    FocalFrequencyLoss as FocalFrequencyLoss,
    GradientDifferenceLoss as GradientDifferenceLoss,
    HingeLoss as HingeLoss,
    HuberLoss as HuberLoss,
    L1Loss as L1Loss,
    L2Loss as L2Loss,
    LeCamPenalty as LeCamPenalty,
    LossTerms as LossTerms,
    LSGANLoss as LSGANLoss,
    MSSSIMLoss as MSSSIMLoss,
    Objective as Objective,
    Penalty as Penalty,
    PerceptualLoss as PerceptualLoss,
    R1Penalty as R1Penalty,
    R1R2Penalty as R1R2Penalty,
    R2Penalty as R2Penalty,
    RaGANLoss as RaGANLoss,
    ReconstructionLoss as ReconstructionLoss,
    RelativisticLoss as RelativisticLoss,
    RpGANLoss as RpGANLoss,
    SaturatingLoss as SaturatingLoss,
    SSIMLoss as SSIMLoss,
    StyleLoss as StyleLoss,
    TotalVariationLoss as TotalVariationLoss,
    VanillaLoss as VanillaLoss,
    WGANGPPenalty as WGANGPPenalty,
    WGANLoss as WGANLoss,
)
from .randomness import (
    make_deterministic as make_deterministic,
)
from .registry import (
    Registry as Registry,
    spec_of as spec_of,
)
from .report import (
    write_report as write_report,
)
from .rf import (
    EffectiveField as EffectiveField,
    ReceptiveField as ReceptiveField,
    coverage as coverage,
    draw_coverage as draw_coverage,
    draw_receptive_field as draw_receptive_field,
    effective_receptive_field as effective_receptive_field,
    explain_logits as explain_logits,
    probe_receptive_field as probe_receptive_field,
    receptive_field as receptive_field,
    register_rule as register_rule,
    verify_receptive_field as verify_receptive_field,
)
from .runs import (
    JsonLinesLogger as JsonLinesLogger,
    Logger as Logger,
    RunFolder as RunFolder,
    TensorBoardLogger as TensorBoardLogger,
)
from .tasks import (
    TASKS as TASKS,
    ImagePool as ImagePool,
    PairedTranslation as PairedTranslation,
    Player as Player,
    Task as Task,
)
from .training import (
    EMA as EMA,
    OPTIMIZERS as OPTIMIZERS,
    SCHEDULES as SCHEDULES,
    Callback as Callback,
    TrainOptions as TrainOptions,
    Updater as Updater,
    average_rule as average_rule,
    constant_rate as constant_rate,
    cosine_decay as cosine_decay,
    default_callbacks as default_callbacks,
    dry_run as dry_run,
    find_nonfinite as find_nonfinite,
    fit as fit,
    linear_decay as linear_decay,
    mean_l1 as mean_l1,
    resolve_device as resolve_device,
    resolve_precision as resolve_precision,
)
from .weights import (
    to_reference as to_reference,
)

__all__: list[str]
