"""Every registered component keeps the contract of its kind: registering it tests it."""

from itertools import product

import pytest
import torch

from ganblocks.metrics import FEATURES
from ganblocks.metrics.segmenter import Segmenter
from ganblocks.registries import registries
from ganblocks.testing import check_component
from ganblocks.testing.component import checked_kinds, checks_of

# Each has tests of its own: tests/tasks/test_task_contract.py, tests/training/test_optimizers.py.
OF_THE_ENGINE = ("tasks", "optimizers", "schedules")
REGISTRIES = {
    registry.kind: registry
    for registry in registries().values()
    if registry.kind not in OF_THE_ENGINE
}
# Positional arguments by kind, or by name if they differ.
ARGUMENTS = {
    "norms": (8,),
    "paddings": (2,),
    "upsamplers": (4, 6),
    "downsamplers": (4, 6),
    "blocks": (4, 6),
    "discriminators": (6,),
    "attention": (4,),
    "spade": (4, 3),
    "adain": (4, 3),
    "bottleneck": (4,),
    "minibatch_std": (4,),
}
DRAWN = {"length": 3, "size": 32}
IMAGES = {"type": "images_of_pairs", "pairs": {"type": "synthetic_facades", **DRAWN}}
SMALL = {"n_blocks": 1, "group_channels": 2}
BUILT_WITH = {
    "autoencoder": {**SMALL, "num_downs": 1},
    "edsr": {"n_blocks": 1, "scale": 4, "res_scale": 0.1},
    "latent": {**SMALL, "latent_dim": 3, "image_size": 8, "num_classes": 3},
    ("discriminators", "residual"): {**SMALL, "image_size": 8, "num_classes": 3},
    "multiscale": {"discriminator": {"type": "patch", "base_channels": 2, "n_layers": 1}},
    "synthetic_facades": DRAWN,
    "images_of_pairs": {"pairs": {"type": "synthetic_facades", **DRAWN}},
    "unpaired_images": {"a": IMAGES, "b": IMAGES},
    ("formats", "labels"): {"classes": 5},
    "downscaled_pairs": {"images": IMAGES},
    "pixel_accuracy": {"segmenter": "of signs"},
    "class_accuracy": {"segmenter": "of signs"},
    "mean_iou": {"segmenter": "of signs"},
}
INPUTS = {
    "spade": lambda b, h, w: (torch.randn(b, 4, h, w), torch.randn(b, 3, 2 * h, w + 1)),
    "adain": lambda b, h, w: (torch.randn(b, 4, h, w), torch.randn(b, 3)),
}
GRAPHS = {"compile", "export"}
SHALLOW = {"num_downs": 2, "n_blocks": 1, "n_layers": 1}
"""Depth for `GRAPHS`, which take seconds for a deep network's layers, all of them alike."""

OPTIONS = {"ms_ssim": {"size": (176, 177)}}
# Arguments, in addition to the plain names, that change the computation.
VARIANTS = [
    ("generators", {"type": "unet", "norm": "instance", "num_downs": 3}),
    ("generators", {"type": "unet", "skip": "add", "norm": "none", "num_downs": 3}),
    (
        "generators",
        {"type": "unet", "num_downs": 3, "checkpointing": True, "attention_levels": [1]},
    ),
    ("generators", {"type": "unet", "num_downs": 3, "size_policy": "match_skip", "up": "nearest"}),
    ("generators", {"type": "unet", "num_downs": 3, "spectral_norm": True}),
    ("generators", {"type": "unet", "num_downs": 3, "dropout_mode": "always"}),
    ("generators", {"type": "resnet", "n_blocks": 1, "checkpointing": True, "up": "pixelshuffle"}),
    ("discriminators", {"type": "residual", "n_blocks": 1, "image_size": 4, "minibatch_std": True}),
    ("discriminators", {"type": "patch", "n_layers": 2, "spectral_norm": True}),
    ("discriminators", {"type": "patch", "spectral_norm": True}),
    ("discriminators", {"type": "pixel", "norm": "pixel", "spectral_norm": True}),
    ("discriminators", {"type": "pixel", "norm": "instance"}),
    ("discriminators", {"type": "pixel", "norm": "pixel"}),
    ("discriminators", {"type": "patch", "norm": "instance", "n_layers": 2}),
    (
        "discriminators",
        {"type": "patch", "norm": {"type": "instance", "affine": False}, "n_layers": 2},
    ),
    ("discriminators", {"type": "multiscale", "discriminator": "pixel", "num_scales": 2}),
    ("adversarial losses", {"type": "vanilla", "label_smoothing": 0.1, "combine": "sum"}),
    ("adversarial losses", {"type": "lsgan", "a": -1.0, "c": 0.0, "reduction": "sum"}),
    ("adversarial losses", {"type": "rpgan", "form": "hinge"}),
    ("adversarial losses", {"type": "rpgan", "form": "least_squares"}),
    ("adversarial losses", {"type": "ragan", "form": "hinge"}),
    ("adversarial losses", {"type": "ragan", "form": "least_squares"}),
    ("reconstruction losses", {"type": "ms_ssim", "weights": [0.6, 0.4], "window_size": 5}),
    ("reconstruction losses", {"type": "gradient_difference", "alpha": 2.0}),
    ("feature losses", {"type": "feature_matching", "weighting": "spade"}),
    ("feature losses", {"type": "perceptual", "map_weights": [1.0, 0.5, 0.0]}),
    ("penalties", {"type": "wgan_gp", "one_sided": True, "scalar": "mean", "target": 0.01}),
    ("penalties", {"type": "lecam", "one_sided": True}),
    ("penalties", {"type": "dragan", "distribution": "uniform", "scalar": "mean"}),
    ("penalties", {"type": "r1_r2", "scalar": "logit", "interval": 16}),
    ("penalties", {"type": "consistency", "sides": "both", "augmentation": "diff_augment"}),
    ("formats", {"type": "image", "dtype": "uint16", "channels": 1}),
    ("formats", {"type": "image", "dtype": "int16", "value_range": [-1000, 1000]}),
    ("formats", {"type": "labels", "classes": [0, 7, 1000]}),
    ("formats", {"type": "labels", "classes": {"sky": [0, 0, 255], "road": [9, 9, 9]}}),
    ("metrics", {"type": "ms_ssim", "weights": [0.6, 0.4]}),
    ("augmentations", {"type": "diff_augment", "policy": ["cutout", {"type": "color"}]}),
]
NAMES = [(kind, name) for kind in REGISTRIES for name in REGISTRIES[kind].names()]


def component_of(kind, what, **depth):
    """Returns a factory of a small component, and options of check_component."""
    registry = REGISTRIES[kind]
    name = what if isinstance(what, str) else what["type"]
    arguments = ARGUMENTS.get(name, ARGUMENTS.get(kind, ()))
    # Names are unique only within a kind.
    built_with = dict(BUILT_WITH.get((kind, name), BUILT_WITH.get(name, {})))
    built_with = built_with if what == name else {}
    sizes = {"base_channels": 2, **depth}
    taken = registry.describe(name).signature
    given = {} if what == name else what
    built_with |= {key: n for key, n in sizes.items() if key in taken and key not in given}

    def factory():
        return registry.build(what, *arguments, **built_with)

    inputs = {"inputs": INPUTS[name]} if name in INPUTS else {}
    return factory, {**OPTIONS.get(name, {}), **inputs}


def test_every_registry_has_a_contract():
    assert sorted([*REGISTRIES, "tasks"]) == sorted(checked_kinds())


@pytest.fixture(autouse=True)
def pairs(tmp_path, monkeypatch):
    """Two pairs of pictures for the datasets that read files."""
    from PIL import Image

    for number in range(2):
        picture = Image.linear_gradient("L").resize((12, 6)).rotate(40 * number)
        (tmp_path / "train").mkdir(exist_ok=True)
        picture.convert("RGB").save(tmp_path / "train" / f"{number}.png")
    for name in ("paired_images", "images"):
        monkeypatch.setitem(BUILT_WITH, name, {"root": str(tmp_path)})


@pytest.fixture(autouse=True)
def quick_features(monkeypatch):
    """Means of quarters instead of the features of a network, which have tests of their own."""
    quick = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
    monkeypatch.setitem(FEATURES, "lite0", lambda: quick)


@pytest.fixture(autouse=True)
def segmenter_of_signs(monkeypatch):
    """A segmenter that is right about the sources of the contract: it reads signs."""
    palette = torch.tensor(list(product((-1.0, 1.0), repeat=3)))
    network = torch.nn.Conv2d(3, 8, 1, bias=False)
    network.weight.data = palette[:, :, None, None]
    segmenter = Segmenter(network, palette, (48, 40))
    monkeypatch.setattr(Segmenter, "load", lambda path: segmenter)


# Whole networks take most of the time; the default run checks each class of them once.
PRESETS = {"resnet_6blocks", "resnet_9blocks", "unet_128", "unet_256"}
PRESETS |= {"unet_256_lua", "unet_256_tutorial"}
PRESETS |= {"patch_34", "patch_142", "patch_286"}


def marked(kind, what):
    again = what in PRESETS if isinstance(what, str) else kind in ("generators", "discriminators")
    return pytest.param(kind, what, marks=pytest.mark.slow if again else ())


@pytest.mark.parametrize(("kind", "what"), [marked(*case) for case in [*NAMES, *VARIANTS]], ids=str)
def test_it_keeps_its_contract(kind, what):
    for depth, graphs in (({}, False), (SHALLOW, True)):
        checks = [check for check in checks_of(kind) if (check in GRAPHS) == graphs]
        factory, options = component_of(kind, what, **depth)
        if checks:
            check_component(kind, factory, only=checks, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("activations", "leaky_relu"),
        ("adversarial losses", "vanilla"),
        ("augmentations", "diff_augment"),
        ("blocks", "residual"),
        ("discriminators", "patch_70"),
        ("downsamplers", "blur"),
        ("generators", {"type": "unet", "num_downs": 3}),
        ("norms", "instance"),
        ("paddings", "reflect"),
        ("reconstruction losses", "l1"),
        ("upsamplers", "pixelshuffle"),
    ],
    ids=str,
)
def test_the_default_compiler_changes_nothing(kind, what):
    factory, options = component_of(kind, what)
    if kind == "generators":
        # A size that is not padded: torch's default backend (seen in 2.15) refuses the gradient
        # of its own replicate padding in channels_last, which the U-Net's convolutions make.
        options["size"] = (16, 24)
    check_component(kind, factory, only="compile", backend="inductor", **options)
