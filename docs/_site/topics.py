"""What the API pages are about: a registry each, or a topic. Every public name is on one."""

from __future__ import annotations

from typing import NamedTuple

from ganblocks.losses import functional


class Kind(NamedTuple):
    """A registry's page: what its components keep to, and public names beside those it holds."""

    contract: str
    also: tuple[str, ...] = ()


class Topic(NamedTuple):
    """A page of public names that no registry holds."""

    title: str
    introduction: str
    names: tuple[str, ...]


KINDS = {
    "GENERATORS": Kind(
        "A generator maps images (B, in_channels, H, W) to images (B, out_channels, H, W), "
        "floats in [−1, 1], for any H and W.",
        ("UNetDialect",),
    ),
    "DISCRIMINATORS": Kind(
        "A discriminator maps images (B, C, H, W) to logits (B, 1, h, w), without a sigmoid and "
        "without a norm on them. Conditional use is `torch.cat((condition, image), 1)`. "
        "`features(x)` gives the maps of its layers; it knows its `receptive_field`, "
        "`output_size(h, w)` and `min_input_size`.",
        ("PatchSuggestion", "suggest_patch_discriminator"),
    ),
    "ADVERSARIAL_LOSSES": Kind(
        "An adversarial loss has `.discriminator(real_logits, fake_logits)` and "
        "`.generator(fake_logits, real_logits=None)`, for logits of any shape or a list of "
        "scales. It makes its own targets, and only computes."
    ),
    "RECONSTRUCTION_LOSSES": Kind(
        "A reconstruction loss maps an output and its target, images (B, C, H, W) of one shape, "
        "to a scalar."
    ),
    "FEATURE_LOSSES": Kind(
        "A feature loss compares the maps that a network has of two images: those of a "
        "discriminator, of a module of your own, or of a named torchvision backbone."
    ),
    "PENALTIES": Kind(
        "A penalty maps (discriminator, real, fake, condition=None) to a scalar that is added to "
        "the discriminator's loss. Gradients are taken with respect to the image, not the "
        "condition."
    ),
    "AUGMENTATIONS": Kind(
        "An augmentation varies batches of images (B, C, H, W) so that gradients pass. What is "
        "given together has one draw."
    ),
    "NORMS": Kind("A norm is built from a number of channels, and keeps the shape."),
    "ACTIVATIONS": Kind("An activation keeps the shape, and never writes to its input."),
    "PADDINGS": Kind("A padding is built from its widths, and adds to the borders of a map."),
    "UPSAMPLERS": Kind(
        "An up-sampler is built from (in_channels, out_channels) and doubles H and W."
    ),
    "DOWNSAMPLERS": Kind(
        "A down-sampler is built from (in_channels, out_channels) and halves H and W."
    ),
    "BLOCKS": Kind(
        "Blocks are what networks are made of.",
        ("Conv2d", "ConvTranspose2d", "Dropout", "adaptive_instance_norm", "spectral_norm"),
    ),
    "INITIALIZERS": Kind(
        "An initializer sets the weights of a network in place.", ("initialize", "fill_weight")
    ),
    "DATASETS": Kind(
        'A sample of a paired dataset is `{"source": …, "target": …, "name": str}`, images '
        "(C, H, W) in [−1, 1]; `direction` says which side is which.",
        (
            *("PairTransform", "check_pairs", "check_folder", "split_names", "held_out_split"),
            *("describe_pairs", "require_readable", "rgb_to_classes"),
            *("download_cmp_facades", "CMP_PALETTE"),
        ),
    ),
    "TASKS": Kind(
        "A task owns the networks of a training, and says what they make of a batch and what each "
        "player minimizes. See [train any GAN](../guides/tasks.md).",
        ("Player", "ImagePool", "Batch", "logit_figures"),
    ),
    "OPTIMIZERS": Kind(
        "An optimizer is built from parameters; a [`Player`][ganblocks.Player] names its own by a "
        "name, a spec or a callable."
    ),
    "SCHEDULES": Kind(
        "A schedule maps (epoch from 0, epochs of the run) to a factor of the learning rate. See "
        "[the guide](../guides/training.md#learning-rates).",
        ("linear_decay", "cosine_decay", "constant_rate"),
    ),
}
"""Registries in the order of the pages."""

TOPICS = {
    "objective": Topic(
        "Objective",
        "What both players minimize: named terms, each with a weight, in one object. See the "
        "[guide](../guides/losses.md).",
        ("Objective", "LossTerms"),
    ),
    "loss-functions": Topic(
        "Loss functions",
        "The formulas that torch lacks, as pure functions of tensors; the loss objects call these.",
        tuple(functional.__all__),
    ),
    "training": Topic(
        "Training",
        "One step of any task, and the loop around it. See [the guide](../guides/training.md) and "
        "[the recipe](../recipes.md).",
        (
            *("Updater", "fit", "TrainOptions", "dry_run", "find_nonfinite", "mean_l1"),
            *("resolve_device", "resolve_precision"),
        ),
    ),
    "training-helpers": Topic(
        "For a loop of your own",
        "What `fit` takes besides, and any loop may.",
        ("cuda_graph_step", "preferred_memory_format", "option"),
    ),
    "callbacks": Topic(
        "Callbacks",
        "What `fit` calls between the steps. See [the guide](../guides/training.md#callbacks).",
        ("Callback", "default_callbacks"),
    ),
    "default-callbacks": Topic(
        "The default callbacks",
        "What `default_callbacks()` composes, and `Training`, which every callback gets.",
        (
            *("Training", "ScoreCallback", "LogCallback", "GridCallback", "HealthCallback"),
            *("ReportCallback", "ProgressCallback"),
        ),
    ),
    "averages": Topic(
        "Averages",
        "Running averages of networks, and what becomes of buffers in them. See "
        "[the guide](../guides/training.md#averaged-weights).",
        ("EMA", "average_rule"),
    ),
    "checkpoints": Topic(
        "Runs and checkpoints",
        "What a run leaves, and how it goes on. See [the guide](../guides/resuming.md).",
        ("RunFolder", "make_deterministic"),
    ),
    "logging": Topic(
        "Logs and reports",
        "Where a training's numbers and grids go. See "
        "[what is logged](../guides/training.md#what-is-logged).",
        ("Logger", "JsonLinesLogger", "TensorBoardLogger", "write_report"),
    ),
    "health": Topic(
        "Health",
        "What reads a training's figures and outputs, and says what is wrong. See "
        "[the guide](../guides/health.md).",
        ("HealthMonitor", "Finding", "probe_generator", "Probe"),
    ),
    "commands": Topic(
        "Commands",
        "Flags from a dataclass, and errors as one line: what a script of your own may take from "
        "`ganblocks.cli`, as [the recipe](../recipes.md) does.",
        ("read_flags", "typed_flags", "run_command"),
    ),
    "distributed": Topic(
        "Several processes",
        "What `torchrun` starts trains together. See [the guide](../guides/many-machines.md).",
        ("process_group", "DistributedContext", "restarted"),
    ),
    "pictures": Topic(
        "Pictures",
        "From tensors in [−1, 1] to pictures and back.",
        ("to_picture", "from_picture", "grid"),
    ),
    "inference": Topic(
        "Inference",
        "From a finished run to pictures. See [dropout and statistics](../guides/statistics.md).",
        ("load", "translate", "generate", "with_statistics"),
    ),
    "receptive-fields": Topic(
        "Receptive fields",
        "What an output can see. See [the words](../receptive-fields/index.md) and "
        "[the explorer](../receptive-fields/explorer.md).",
        (
            *("receptive_field", "ReceptiveField", "probe_receptive_field"),
            *("verify_receptive_field", "effective_receptive_field", "EffectiveField"),
            *("coverage", "draw_receptive_field", "draw_coverage", "explain_logits"),
            "register_rule",
        ),
    ),
    "receptive-field-rules": Topic(
        "Rules of receptive fields",
        "What a rule for an operation of your own is written with, for "
        "[`register_rule`][ganblocks.rf.register_rule], and what the calculator tells of a layer.",
        ("Taps", "steps", "window", "transposed_window", "Layer", "Disagreement"),
    ),
    "weights": Topic(
        "Weights of other code bases",
        "`UNetGenerator.from_reference`, `ResNetGenerator.from_reference` and "
        "`PatchDiscriminator.from_reference` read them; `to_reference` writes them.",
        ("FromReference", "to_reference", "read_weights"),
    ),
    "registry": Topic(
        "Registries and specs",
        "Names for components, and the plain dicts that build them again.",
        ("Registry", "spec_of", "Description", "ComponentLike", "Spec"),
    ),
    "errors": Topic(
        "Errors",
        "One family: an error says what came, what is allowed, and what to write instead. "
        "[Troubleshooting](../troubleshooting.md) has an entry for each. Of a `HealthWarning` "
        "[the guide](../guides/health.md#findings) has one for each problem.",
        (
            *("GanBlocksError", "RegistryError", "OptionError", "SpecError", "ShapeError"),
            *("UnknownOperationError", "DataError", "WeightsError", "RunError"),
            *("GanBlocksWarning", "HealthWarning"),
        ),
    ),
    "testing": Topic(
        "Testing your own components",
        "`check_component` holds a component to the contract that ours are held to. See "
        "[your own component](../guides/own-component.md).",
        ("check_component", "checks_of", "ContractError"),
    ),
}
"""Topics by the name of their page."""
