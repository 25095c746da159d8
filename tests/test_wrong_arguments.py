"""Whatever is passed for one argument, a public constructor or function raises errors of ours."""

import contextlib
import inspect
import warnings
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import ganblocks as gb
from _site.public import HOMES, value_of
from ganblocks.arguments import checked
from ganblocks.errors import GanBlocksError, OptionError, ShapeError, require_one_of
from ganblocks.losses import functional
from ganblocks.spec import registered_name

WRONG = [
    *(None, True, -1, 0, 1.5, float("nan"), float("inf"), np.int64(3), np.float32(0.5)),
    *("", "bath", "2e-4", b"", object(), [], {}, ["a"], (1, 2, 3), {"type": "no such type"}),
    *(torch.zeros(2), np.zeros((2, 2)), torch.zeros(1, 3, 8, 8, dtype=torch.uint8), print),
]


def image():
    return torch.rand(1, 3, 32, 32) * 2 - 1


def logits():
    return torch.randn(1, 1, 4, 4)


def unet():
    return gb.UNetGenerator(base_channels=2, num_downs=2)


def patch(channels=3):
    return gb.PatchDiscriminator(channels, base_channels=2, n_layers=1)


def task():
    return gb.PairedTranslation(unet(), patch(6), {"terms": {"l1": "l1", "adversarial": "hinge"}})


def facades():
    return gb.SyntheticFacades(2, 32)


# A valid argument for every parameter without a default, by the parameter's name.
VALID = {
    **dict.fromkeys(("in_channels", "out_channels", "channels", "condition_channels"), lambda: 3),
    **dict.fromkeys(("style_channels", "size", "count", "kernel", "kernel_size"), lambda: 3),
    **dict.fromkeys(("stride", "padding", "dilation", "start", "epoch", "epochs"), lambda: 1),
    **dict.fromkeys(("network", "generator", "module", "model", "component"), unet),
    **dict.fromkeys(("image", "images", "content", "style_map", "output", "target"), image),
    **dict.fromkeys(("real_logits", "fake_logits", "higher", "lower"), logits),
    **dict.fromkeys(("x", "values", "distance", "gradient", "features"), image),
    **dict.fromkeys(("real_anchor", "fake_anchor"), lambda: torch.zeros(())),
    **dict.fromkeys(("run", "path", "root", "run_dir", "folder", "out"), lambda: "no_such_folder"),
    **dict.fromkeys(("dataset", "train", "val", "pairs"), facades),
    **dict.fromkeys(("a", "b"), lambda: gb.data.ImagesOfPairs(facades())),
    "discriminator": patch,
    "discriminators": lambda: {"d": patch()},
    "objective": lambda: {"terms": {"adversarial": "hinge"}},
    "terms": lambda: {"adversarial": "hinge"},
    "task": task,
    "updater": lambda: gb.Updater(task()),
    "batch": lambda: {"source": image(), "target": image()},
    "sample": lambda: facades()[0],
    "sources": lambda: [image()[0]],
    "rows": lambda: [[image()[0]]],
    "rgb": lambda: torch.zeros(3, 4, 4, dtype=torch.uint8),
    "picture": lambda: "no_such_picture.png",
    "field": lambda: gb.receptive_field(patch()),
    "positions": lambda: [(0, 0)],
    "input_size": lambda: (3, 32, 32),
    "index": lambda: (0, 0),
    "receptive_field": lambda: 34,
    "image_size": lambda: 64,
    "classes": lambda: 3,
    "statistics": lambda: "image",
    "mode": lambda: "mean",
    "source": dict,
    "weights": lambda: [1.0],
    "name": lambda: "cpu",
    "device": lambda: torch.device("cpu"),
    "precision": lambda: "fp32",
    "layer": lambda: torch.nn.Conv2d(3, 3, 3),
    "fill": lambda: torch.nn.init.zeros_,
}


def guarded():
    """Returns the public constructors and functions that convert or refuse their arguments."""
    for name in HOMES:
        value = value_of(name)
        function = value.__init__ if inspect.isclass(value) else value
        is_registered = registered_name(value) is not None
        if is_registered or getattr(function, "__code__", None) is CODE:
            signature = inspect.signature(value)
            kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
            parameters = [p for p in signature.parameters.values() if p.kind in kinds]
            if parameters and not inspect.isabstract(value):
                yield name, value, parameters


CODE = checked(lambda: None).__code__
GUARDED = list(guarded())


@pytest.fixture(autouse=True, scope="module")
def empty_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("empty"))
        yield


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_errors_are_ours(data):
    _, value, parameters = data.draw(st.sampled_from(GUARDED), label="callable")
    arguments = {p.name: VALID[p.name]() for p in parameters if p.default is p.empty}
    which = data.draw(st.sampled_from(parameters), label="parameter").name
    arguments[which] = data.draw(st.sampled_from(WRONG), label="argument")
    with warnings.catch_warnings(), contextlib.suppress(GanBlocksError):
        warnings.simplefilter("ignore")
        value(**arguments)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("2e-4", r"weight is '2e-4': pass a number, without quotes \(in YAML 2.0e-4"),
        (None, "weight is None: pass a number"),
        (torch.zeros(2, 3), r"weight is a tensor of shape \(2, 3\)"),
        (True, "weight is True"),
    ],
)
def test_the_message_names_what_came_and_what_is_wanted(argument, message):
    @checked
    def scaled(weight: float) -> float:
        return weight

    with pytest.raises(OptionError, match=message):
        scaled(argument)


def test_harmless_arguments_are_converted():
    norm = gb.blocks.NORMS.build("group", np.int64(8), groups=np.int32(2))
    assert type(gb.spec_of(norm)["groups"]) is int
    discriminator = gb.PatchDiscriminator(np.int64(3), base_channels=np.int64(4), n_layers=1)
    assert gb.spec_of(discriminator)["in_channels"] == 3


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_losses_take_floats_alone(dtype):
    wrong, image = torch.zeros(1, 3, 16, 16, dtype=dtype), torch.zeros(1, 3, 16, 16)
    calls = [
        lambda: functional.total_variation(wrong),
        lambda: functional.ssim(image, wrong),
        lambda: functional.lsgan_discriminator(wrong, image),
        lambda: functional.weighted_l1([image], [wrong], [1.0]),
        lambda: functional.reduce(values=wrong),
        lambda: gb.HingeLoss().generator(wrong),
        lambda: gb.HingeLoss().generator([image, wrong]),
    ]
    for call in calls:
        with pytest.raises(OptionError, match="a tensor of floats"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: functional.charbonnier(x, y),
        lambda x, y: functional.gradient_difference(x, y),
        lambda x, y: functional.focal_frequency(x, y),
        lambda x, y: functional.ssim(x, y, window_size=3),
        lambda x, y: functional.weighted_gram([x], [y], [1.0]),
        lambda x, y: functional.gram(x[0, 0]),
        lambda x, y: functional.half_squared_norm(x.mean()),
    ],
)
def test_formulas_check_shapes_as_losses_do(call):
    """Images of one and of three channels would be broadcast in silence."""
    with pytest.raises(ShapeError, match="got"):
        call(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))


def test_a_formula_names_what_is_missing():
    missing = r"argument: 'fake_logits'\. The signature is \(real_logits, fake_logits"
    with pytest.raises(OptionError, match=missing):
        functional.vanilla_discriminator(logits())


@pytest.mark.parametrize("value", [np.array(["mean", "sum"]), torch.zeros(2), ["mean"], {}])
def test_arrays_are_no_names(value):
    """Comparing an array with a name gives an array, which is neither true nor false."""
    with pytest.raises(OptionError, match="reduction is"):
        functional.reduce(logits(), value)
    with pytest.raises(OptionError, match="unknown reduction"):
        require_one_of("reduction", value, ("mean", "sum"))

    @checked
    def split(name: Literal["train", "val"]) -> str:
        return name

    with pytest.raises(OptionError, match="name is"):
        split(value)
