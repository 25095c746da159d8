"""The topics of the API pages: registries and others. Every public name is on a page."""

from __future__ import annotations

from typing import NamedTuple

from ganblocks.losses import functional


class Kind(NamedTuple):
    """A registry's page: the contract of its components, and further public names."""

    contract: str
    also: tuple[str, ...] = ()


class Topic(NamedTuple):
    """A page of public names that are not registered."""

    title: str
    introduction: str
    names: tuple[str, ...]


KINDS = {
    "GENERATORS": Kind(
        "A generator maps images (B, in_channels, H, W) to images (B, out_channels, H, W), "
        "floats in [−1, 1], for any H and W. One with an attribute `scale` enlarges them; one with "
        "`latent_dim` maps latents (B, latent_dim) to images; one with `encode` and `decode` "
        "maps images to codes and back.",
        ("UNetDialect",),
    ),
    "DISCRIMINATORS": Kind(
        "A discriminator maps images (B, C, H, W) to logits (B, 1, h, w), without a sigmoid and "
        "without a norm on them. Conditional use is `torch.cat((condition, image), 1)`. "
        "`features(x)` returns the maps of its layers; `receptive_field`, "
        "`output_size(h, w)` and `min_input_size` describe it.",
        ("PatchSuggestion", "suggest_patch_discriminator"),
    ),
    "ADVERSARIAL_LOSSES": Kind(
        "An adversarial loss has `.discriminator(real_logits, fake_logits)` and "
        "`.generator(fake_logits, real_logits=None)`, for logits of any shape or a list of "
        "scales. It creates its own targets, and has no side effects."
    ),
    "RECONSTRUCTION_LOSSES": Kind(
        "A reconstruction loss maps an output and its target, images (B, C, H, W) of one shape, "
        "to a scalar."
    ),
    "FEATURE_LOSSES": Kind(
        "A feature loss compares the features of two images in a network: a discriminator, your "
        "own module, or a named torchvision backbone."
    ),
    "PENALTIES": Kind(
        "A penalty maps (discriminator, real, fake, condition=None) to a scalar that is added to "
        "the discriminator's loss. Gradients are taken with respect to the image, not the "
        "condition."
    ),
    "AUGMENTATIONS": Kind(
        "An augmentation changes batches of images (B, C, H, W) at random and is differentiable. "
        "Images passed together share each draw."
    ),
    "NORMS": Kind("A norm is built from the number of channels, and preserves the shape."),
    "ACTIVATIONS": Kind("An activation preserves the shape, and never works in place."),
    "PADDINGS": Kind("A padding is built from its widths, and extends the borders of a map."),
    "UPSAMPLERS": Kind(
        "An up-sampler is built from (in_channels, out_channels) and doubles H and W."
    ),
    "DOWNSAMPLERS": Kind(
        "A down-sampler is built from (in_channels, out_channels) and halves H and W."
    ),
    "BLOCKS": Kind(
        "Blocks are the parts of networks.",
        ("Conv2d", "ConvTranspose2d", "Dropout", "adaptive_instance_norm", "spectral_norm"),
    ),
    "INITIALIZERS": Kind(
        "An initializer sets the weights of a network in place.", ("initialize", "fill_weight")
    ),
    "DATASETS": Kind(
        'A sample of a paired dataset is `{"source": …, "target": …, "name": str}`, images '
        "(C, H, W) in [−1, 1]; `direction` says which side is the source. A sample of an image "
        "dataset has `image`, an unpaired one `a` and `b`.",
        (
            *(
                "PairTransform",
                "Size",
                "check_pairs",
                "check_folder",
                "split_names",
                "held_out_split",
            ),
            *("describe_pairs", "describe_sizes", "require_readable", "rgb_to_classes"),
            *("download_cmp_facades", "CMP_PALETTE"),
        ),
    ),
    "METRICS": Kind(
        "A metric compares generated images with real ones, both (B, C, H, W) in [−1, 1]: "
        "`update(fake, real)` adds a batch, `compute()` returns an `Estimate`, `reset()` starts "
        "anew. With `needs_pairs`, each image is compared with its own target; with "
        "`needs_source`, `update(fake, real, source)` compares it with its input.",
        ("Estimate", "FEATURES", "lite0_features", "train_segmenter"),
    ),
    "FORMATS": Kind(
        "A format converts the values stored in a file to network inputs, and outputs to "
        "stored values; a run stores the formats of its data.",
        ("READERS", "Stored"),
    ),
    "TASKS": Kind(
        "A task owns the networks, and defines what they generate from a batch and "
        "what each player minimizes. See [write a task of your own](../guides/tasks.md).",
        ("Player", "ImagePool", "Batch", "Comparison", "logit_metrics"),
    ),
    "OPTIMIZERS": Kind(
        "An optimizer is built from parameters; a [`Player`][ganblocks.Player] sets its own by "
        "name, spec or callable."
    ),
    "SCHEDULES": Kind(
        "A schedule maps (epoch from 0, number of epochs) to a factor of the learning rate. See "
        "[the guide](../guides/training.md#learning-rates).",
        ("linear_decay", "cosine_decay", "constant_rate"),
    ),
}
"""Registries in the order of the pages."""

TOPICS = {
    "objective": Topic(
        "Objective",
        "What both players minimize: named terms with weights, in one object. See the "
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
        "Parts of `fit` that work in any training loop.",
        ("cuda_graph_step", "preferred_memory_format", "option"),
    ),
    "callbacks": Topic(
        "Callbacks",
        "What `fit` calls between steps. See [the guide](../guides/training.md#callbacks).",
        ("Callback", "default_callbacks"),
    ),
    "default-callbacks": Topic(
        "The default callbacks",
        "The callbacks of `default_callbacks()`, and `Training`, which every callback receives.",
        (
            *("Training", "ScoreCallback", "LogCallback", "GridCallback", "HealthCallback"),
            *("ReportCallback", "ProgressCallback"),
        ),
    ),
    "averages": Topic(
        "Averages",
        "Running averages of networks, and the rules for their buffers. See "
        "[the guide](../guides/training.md#averaged-weights).",
        ("EMA", "register_buffer_rule"),
    ),
    "checkpoints": Topic(
        "Runs and checkpoints",
        "The files of a run, and how to resume it. See [the guide](../guides/resuming.md).",
        ("RunFolder", "make_deterministic"),
    ),
    "logging": Topic(
        "Logs and reports",
        "Where the metrics and grids of a run go. See "
        "[what is logged](../guides/training.md#what-is-logged).",
        ("Logger", "JsonLinesLogger", "TensorBoardLogger", "write_report", "write_card"),
    ),
    "health": Topic(
        "Health",
        "Checks of a run's metrics and outputs. See [the guide](../guides/health.md).",
        ("HealthMonitor", "Finding", "probe_generator", "Probe"),
    ),
    "commands": Topic(
        "Commands",
        "Flags from a dataclass, and errors as one line, for your own scripts, as in "
        "[the recipe](../recipes.md).",
        ("read_flags", "typed_flags", "run_command"),
    ),
    "distributed": Topic(
        "Several processes",
        "Training with `torchrun`. See [the guide](../guides/many-machines.md).",
        ("process_group", "DistributedContext", "restarted"),
    ),
    "pictures": Topic(
        "Pictures",
        "From tensors in [−1, 1] to pictures and back.",
        ("to_picture", "to_bytes", "grid"),
    ),
    "inference": Topic(
        "Inference",
        "From a finished run to pictures and scores. See "
        "[dropout and statistics](../guides/statistics.md).",
        (
            *("load", "translate", "Translator", "generate", "evaluate", "Evaluation"),
            *("with_mode", "with_statistics", "export_onnx", "export_torch", "write_demo"),
        ),
    ),
    "receptive-fields": Topic(
        "Receptive fields",
        "What an output depends on. See [the terms](../receptive-fields/index.md) and "
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
        "How to write a rule for your own operation, for "
        "[`register_rule`][ganblocks.rf.register_rule], and the calculator's results for a layer.",
        ("Taps", "steps", "window", "transposed_window", "Layer", "Disagreement"),
    ),
    "weights": Topic(
        "Weights of other code bases",
        "`from_reference` of `UNetGenerator`, `ResNetGenerator` and the discriminators reads them; "
        "`to_reference` writes them.",
        ("FromReference", "to_reference", "read_weights"),
    ),
    "registry": Topic(
        "Registries and specs",
        "Components by name, and the plain dicts that rebuild them.",
        ("Registry", "spec_of", "Description", "ComponentLike", "Spec"),
    ),
    "errors": Topic(
        "Errors",
        "An error states what was received, what is allowed, and what to write instead. "
        "[Troubleshooting](../troubleshooting.md) has an entry for each class, and "
        "[the guide](../guides/health.md#findings) one for each problem of a `HealthWarning`.",
        (
            *("GanBlocksError", "RegistryError", "OptionError", "SpecError", "ShapeError"),
            *("UnknownOperationError", "DataError", "WeightsError", "RunError"),
            *("GanBlocksWarning", "HealthWarning"),
        ),
    ),
    "testing": Topic(
        "Testing your own components",
        "`check_component` tests a component against the contract of the built-in ones. See "
        "[your own component](../guides/own-component.md).",
        ("check_component", "checks_of", "ContractError"),
    ),
}
"""Topics by the name of their page."""
