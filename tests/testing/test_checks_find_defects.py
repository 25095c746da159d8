"""Each check finds its planted defect, and passes the sound component."""

from functools import partial

import planted_formats as f
import planted_kinds as k
import planted_losses as losses
import planted_metrics as m
import planted_networks as n
import planted_parts as p
import planted_penalties as q
import planted_rest as r
import planted_tasks as t
import pytest
import torch
from torch import nn

from ganblocks import GENERATORS
from ganblocks.testing import ContractError, check_component, checks_of
from ganblocks.testing.component import checked_kinds

# kind, component, the check that must find it, part of its message
PLANTED = [
    ("task", t.NobodysNetwork, "players", "extra.weight belongs to 0 players"),
    ("task", t.TermForEachImage, "gradients", "the term 'gan'"),
    ("task", t.IdleNetwork, "gradients", "the loss of generator does not reach idle"),
    ("task", t.RandomOfPython, "reproducible", "under the same seed, "),
    ("task", t.NeverMoves, "updates", "2 steps did not change painter"),
    ("task", t.NoImageToShow, "preview", "'fake', which is not an image"),
    ("task", t.CompiledOtherwise, "compile", "compiled, "),
    ("generator", n.OneChannelMore, "shape", "(2, 5, 12, 16)"),
    ("generator", n.ListOfImages, "shape", "['output[0]'] instead of one tensor"),
    ("generator", n.Flattens, "shape", "it returns the shape (2, 768)"),
    ("generator", n.GivesDouble, "shape", "torch.float64 for a float32 input"),
    ("generator", n.GivesNaN, "shape", "its output is not finite"),
    ("generator", n.EvenSizesOnly, "any_size", "for an input of 1×1"),
    ("generator", n.SmallestSizeLost, "any_size", "RuntimeError"),
    ("generator", k.TriplesInstead, "shape", "(2, 4, 24, 32) instead of (2, 4, 36, 48)"),
    ("generator", k.Oblong, "shape", "(2, 2, 4, 3) instead of (2, 2, 4, 4)"),
    ("generator", k.SameForEveryLabel, "labels", "other labels do not change the output"),
    ("generator", k.NeedsNoLabels, "labels", "labels=None raises nothing"),
    ("generator", k.CodeOfItsOwn, "code", "decoded from its code, the output differs"),
    ("generator", k.TermForEachImage, "code", "the term 'size' is torch.float32 of shape (2,)"),
    ("generator", n.AlwaysFloat32, "double", "torch.float32 for a float64 input"),
    ("generator", n.GivesNaN, "double", "output is not finite"),
    ("generator", n.GivesNaN, "autocast", "output is not finite"),
    ("generator", n.HalfInAutocast, "autocast", "output is torch.float16"),
    ("generator", n.MixesDtypes, "autocast", "same scalar type"),
    ("generator", n.TorchInstanceNorm, "layout", "at batch 1 gradient of"),
    ("generator", n.DependsOnStrides, "layout", "output differs"),
    ("generator", n.NoisyOnStrides, "layout", "output differs"),
    ("norm", lambda: nn.InstanceNorm2d(8, affine=True), "layout", "at batch 1 gradient of"),
    ("generator", n.UnusedParameter, "gradients", "nothing depends on extra"),
    ("generator", n.UnusedBias, "gradients", "nothing depends on bias"),
    ("generator", n.MutedParameter, "gradients", "gradient of extra is zero"),
    ("generator", n.DetachedInput, "gradients", "nothing depends on input 0"),
    ("generator", n.RootOfZero, "gradients", "the gradient of input 0 is not finite"),
    ("generator", n.InPlaceInput, "input_untouched", "it writes to input 0"),
    (
        "activation",
        lambda: nn.ReLU(inplace=True),
        "input_untouched",
        "it writes to input 0, in train mode",
    ),
    ("generator", n.PythonRandom, "deterministic", "under the same seed output differs"),
    ("generator", n.UnseededWeights, "deterministic", "under the same seed last.bias differs"),
    ("generator", n.DropoutInEval, "eval_deterministic", "under another seed"),
    ("generator", n.InertAlways, "eval_deterministic", "adds no noise in eval mode"),
    ("generator", n.CountsInEval, "eval_pure", "calls differs"),
    ("generator", n.IgnoresTrain, "modes", "first is in train mode"),
    ("generator", n.EvalAffectsTraining, "modes", "in train mode, after a run in eval mode"),
    ("generator", n.BatchStatisticsInEval, "batch_independent", "output differs"),
    ("generator", n.LastSeesFirst, "batch_independent", "of image 1, at place 2"),
    ("generator", n.KnowsItsPlace, "batch_independent", "of image 0, at place 1"),
    ("generator", n.CopiesToItself, "copy", "shares ['first.weight'"),
    ("generator", n.CopyForgets, "copy", "the copy behaves differently"),
    ("generator", n.CopyForgets, "pickle", "the unpickled one behaves differently"),
    ("generator", n.HoldsLambda, "pickle", "lambda"),
    ("generator", n.Plain, "spec", '@GENERATORS.register("...")'),
    ("generator", n.StateOutsideStateDict, "state_dict", "behaves differently"),
    ("generator", n.StateDictOfItsOwn, "state_dict", "Unexpected key"),
    ("generator", n.LooksAtItsWeights, "meta", "meta tensors"),
    ("generator", n.StaysOffMeta, "meta", "kernel is on cpu"),
    ("generator", n.MoreOnMeta, "meta", "on meta it has ['extra'"),
    ("generator", n.LargerOnMeta, "meta", "kernel has shape (2,) on meta"),
    ("generator", n.KnowsItIsCompiled, "compile", "compiled with 'aot_eager', output differs"),
    ("generator", n.BranchesOnValues, "export", "data-dependent"),
    ("generator", n.KnowsItIsExported, "export", "of the exported program the output differs"),
    ("discriminator", p.TwoLogitChannels, "shape", "(2, 2, "),
    ("discriminator", p.TupleOfLogits, "shape", "neither a tensor nor a list"),
    ("discriminator", p.DoubleLogits, "shape", "a logit map is torch.float64"),
    ("discriminator", p.NaNLogits, "shape", "a logit map is not finite"),
    ("discriminator", p.WrongOutputSize, "output_size", "it is [("),
    ("discriminator", p.LeastTooLarge, "min_input_size", "raises nothing"),
    ("discriminator", p.LeastUnguarded, "min_input_size", "RuntimeError"),
    ("discriminator", p.ReadsNoField, "receptive_field", "it is None"),
    ("discriminator", p.FieldsOfTwoScales, "receptive_field", "2 fields for 1 logit maps"),
    (
        "discriminator",
        p.FieldTooSmall,
        "receptive_field",
        "depends on (3, 3, 19, 19), not on (3, 3, 19, 18)",
    ),
    (
        "discriminator",
        p.FieldTooLarge,
        "receptive_field",
        "depends on (3, 3, 19, 19), not on (3, 3, 20, 19)",
    ),
    ("discriminator", p.FieldAside, "receptive_field", "of scale 0 depends on"),
    ("discriminator", p.FieldOfNoStride, "receptive_field", "of scale 0 depends on"),
    (
        "discriminator",
        p.FieldOfManyLogits,
        "receptive_field",
        "OptionError: index (51, 51)",
    ),
    ("discriminator", p.ListOfFeatures, "features", "it returns a list"),
    ("discriminator", p.FeaturesEndEarly, "features", "the last map has shape"),
    ("discriminator", p.ListForAScale, "features", "scale 0 is a list"),
    ("discriminator", p.FeaturesOfTwoScales, "features", "2 tuples for 1 logit maps"),
    ("discriminator", p.Sigmoid, "unbounded", "logits stay between 0 and 1"),
    ("discriminator", p.Rectified, "unbounded", "logits stay between 0 and"),
    ("discriminator", p.Clamped, "unbounded", "logits stay between -50 and 50"),
    ("discriminator", p.BatchNormOnLogits, "no_norm_on_logits", "for every image"),
    ("discriminator", p.CenteredLogits, "no_norm_on_logits", "for every image"),
    ("block", n.OneChannelMore, "shape", "(2, 5, 6, 8)"),
    ("block", n.ListOfImages, "shape", "instead of one tensor"),
    ("block", n.GivesNaN, "shape", "its output is not finite"),
    ("norm", p.DropsARow, "shape", "(1, 4, 3, 6)"),
    ("norm", p.ForeignErrorOnOnePixel, "single_value", "ValueError"),
    ("norm", p.ZeroOnOnePixel, "single_value", "the same for every image"),
    ("activation", p.Halves, "shape", "(2, 4, 4, 6)"),
    ("padding", p.PadsTwoSides, "shape", "(2, 3, 6, 7)"),
    ("padding", p.PadRefuses, "shape", "it rejects a map of 5×6"),
    ("padding", p.PadsAside, "inside", "is not the input"),
    ("upsampler", p.EnlargeByThree, "shape", "(2, 4, 18, 24)"),
    ("downsampler", p.RoundsUp, "shape", "for an input of 2×3"),
    ("initializer", r.DividesByZero, "finite", "0.weight is not finite"),
    ("initializer", r.GivesTheNetworkBack, "finite", "it returns a Sequential"),
    ("initializer", r.AddsParameters, "finite", "into ['0.bias', '0.extra'"),
    ("initializer", r.Reshapes, "finite", "0.weight becomes (1,)"),
    ("initializer", r.Widens, "finite", "0.weight becomes torch.float64"),
    ("initializer", r.NeedsBiases, "finite", "AttributeError"),
    ("initializer", r.ForgetsTransposed, "changes_weights", "ConvTranspose2d"),
    ("initializer", r.ShrinksWhatIsThere, "deterministic", "0.weight differs"),
    ("initializer", r.RandomOfPython, "deterministic", "0.weight differs"),
    ("initializer", r.NewParameters, "same_parameters", "0.weight is another object"),
    ("initializer", r.FreezesWeights, "same_parameters", "0.weight is no longer trainable"),
    ("initializer", r.LeavesGradients, "same_parameters", "has a graph or gradient"),
    ("initializer", r.LeavesMeta, "meta", "'0.weight'"),
    ("initializer", r.LooksAtWeights, "meta", "meta tensors"),
    ("adversarial loss", losses.NotAScalar, "scalar", "the generator's loss is"),
    ("adversarial loss", losses.NaNLoss, "scalar", "the generator's loss is nan"),
    ("adversarial loss", losses.StaysInBfloat16, "scalar", "for bfloat16 the generator's"),
    ("adversarial loss", losses.FirstScaleWeighsMore, "scales", "in another order"),
    (
        "adversarial loss",
        losses.IgnoresReduction,
        "reduction",
        'with reduction="sum", compared with 24',
    ),
    ("adversarial loss", losses.WantsRealLogits, "generator_alone", "TypeError"),
    ("adversarial loss", losses.CutsTheGraph, "gradients", "is detached"),
    ("adversarial loss", losses.OneSided, "gradients", "no gradient from fake logits"),
    ("adversarial loss", losses.ConstantLoss, "gradients", "the generator gets no gradient"),
    ("adversarial loss", losses.FirstLogitOnly, "gradients", "from 1 of the 12 fake logits"),
    ("adversarial loss", losses.FirstImageOnly, "gradients", "from 0 of the 12 real logits"),
    ("adversarial loss", losses.QuietTanh, "no_saturation", "fake logits at -20"),
    ("adversarial loss", losses.TanhHinge, "no_saturation", "real logits at -20"),
    ("adversarial loss", losses.Saturating, "no_saturation", "fake logits at -20"),
    ("adversarial loss", losses.ClampedLogits, "no_saturation", "fake logits at -100"),
    ("adversarial loss", losses.UpsideDown, "direction", "discriminator moves the mean of real"),
    (
        "adversarial loss",
        losses.GeneratorUpsideDown,
        "direction",
        "generator moves the mean of fake",
    ),
    ("adversarial loss", losses.WritesToLogits, "only_computes", "it writes to fake logits"),
    ("adversarial loss", losses.CountsCalls, "only_computes", "has changed afterwards"),
    ("adversarial loss", losses.RandomLoss, "only_computes", "called twice, the generator's"),
    ("adversarial loss", losses.RunsBackward, "only_computes", "it ran backward"),
    ("adversarial loss", losses.HalfAGradient, "gradcheck", "GradcheckError"),
    ("adversarial loss", losses.OtherWhenCompiled, "compile", "for the generator output differs"),
    ("reconstruction loss", losses.OneForEachImage, "scalar", "of shape (2,)"),
    ("reconstruction loss", losses.HalfPrecision, "scalar", "for torch.bfloat16 it is"),
    ("reconstruction loss", losses.NaNDistance, "scalar", "it is nan"),
    ("reconstruction loss", losses.NeverZero, "minimum", "for equal images it is 0.01"),
    ("reconstruction loss", losses.Negative, "minimum", "for different images it is -"),
    ("reconstruction loss", losses.Broadcasts, "mismatch", "raises nothing"),
    ("reconstruction loss", losses.RootOfZero, "gradients", "for equal images the gradient is not"),
    ("reconstruction loss", losses.Detached, "gradients", "is detached"),
    ("reconstruction loss", losses.LearnsTheTarget, "gradients", "at image 0 of the batch"),
    ("reconstruction loss", losses.FirstPairOnly, "gradients", "at image 1 of the batch"),
    ("reconstruction loss", losses.WritesToTarget, "only_computes", "it writes to the target"),
    ("reconstruction loss", losses.RunningMean, "only_computes", "in the loss, mean differs"),
    ("reconstruction loss", losses.RandomDistance, "only_computes", "two calls return different"),
    ("reconstruction loss", losses.BackwardAtOnce, "only_computes", "it ran backward: the output"),
    ("reconstruction loss", losses.HalfTheSquare, "gradcheck", "GradcheckError"),
    ("reconstruction loss", losses.SeesTheCompiler, "compile", "output differs"),
    ("format", f.DecodesDoubles, "pixels", "the pixels are torch.float64"),
    ("format", f.DecodesChannelsLast, "pixels", "of shape (5, 6, 3)"),
    ("format", f.DecodesBeyond, "pixels", "the pixels leave [0, 1]"),
    ("format", f.EncodesBytes, "inputs", "the input is torch.uint8"),
    ("format", partial(f.EncodesOneChannel, 3), "inputs", "of shape (1, 5, 6)"),
    ("format", f.EncodesBeyond, "inputs", "the input leaves [-1, 1]"),
    ("format", f.CentersBatches, "batches", "input differs"),
    ("format", f.RestoresBelow, "there_and_back", "restored values differ"),
    ("format", f.RestoresFloats, "there_and_back", "restored values are float32"),
    ("format", f.ShowsTwoChannels, "colors", "the colors have shape (2, 5, 6)"),
    ("format", f.ShowsBytes, "colors", "the colors leave [-1, 1]"),
    ("metric", m.ReturnsANumber, "estimate", "it returns a float"),
    ("metric", m.GivesNaN, "estimate", "the value is nan"),
    ("metric", m.NegativeError, "estimate", "the error is -1.0"),
    ("metric", m.CountsBatches, "estimate", "the count is 1 for 5 images"),
    ("metric", m.MeanOfMeans, "batches", "in batches of 1, error differs"),
    ("metric", m.ResetsNothing, "reset", "after a reset, "),
    ("metric", m.UpsideDown, "direction", "real images score"),
    ("metric", m.NoDirection, "direction", "better is 'smaller'"),
    ("metric", m.KeepsTheLast, "each", "unlike the mean, the value differs"),
    ("metric", m.OneValue, "each", "5 images have 1 values"),
    ("metric", m.Broadcasts, "mismatch", "1 image with 5 targets raises nothing"),
    ("metric", m.TakesOneImage, "mismatch", "a pair (C, H, W) raises nothing"),
    ("metric", m.WritesToFake, "only_computes", "it writes to the fake images"),
    ("metric", m.ForgetsWhenComputed, "only_computes", "computed again, "),
    ("metric", m.CopiesEmpty, "copy", "the copy behaves differently"),
    ("metric", m.HoldsLambda, "pickle", "lambda"),
    ("metric", m.Squared, "spec", '@METRICS.register("...")'),
    ("dataset", r.NotPaired, "nonempty", "it is a NotPaired"),
    ("dataset", r.Empty, "nonempty", "it is empty"),
    ("dataset", r.Unscaled, "samples", "source of sample 0 is in [-2, -2]"),
    ("dataset", r.TwoSizes, "samples", "the source is (8, 6), the target (8, 5)"),
    ("dataset", r.NotAMultiple, "samples", "the source is (4, 3), the target (8, 9)"),
    ("dataset", r.SmallerTarget, "samples", "the source is (8, 6), the target (4, 3)"),
    ("dataset", r.NumPyImages, "samples", "source of sample 0 is a ndarray"),
    ("dataset", r.Flat, "samples", "side a is torch.uint8 of shape (8, 6)"),
    ("dataset", r.NoNames, "samples", "the name of sample 0"),
    ("dataset", r.KeysOfItsOwn, "samples", "has ['input', 'name', 'target']"),
    ("dataset", r.DrawsGlobally, "deterministic", "drawn again"),
    ("dataset", r.CountsDraws, "deterministic", "drawn again"),
    ("dataset", r.BeginsAtEpoch1, "epoch_0", "source differs"),
    ("augmentation", q.Crops, "shape", "becomes torch.float32 of shape (4, 3, 15, 18)"),
    ("augmentation", q.GivesNaN, "shape", "not finite"),
    (
        "augmentation",
        q.AlwaysFloat32,
        "shape",
        "torch.float64 (4, 3, 16, 18) becomes torch.float32",
    ),
    ("augmentation", q.OneOnly, "shape", "for 2 batches it returns a tuple of 1"),
    ("augmentation", q.DrawsForEach, "same_draw", "of two equal batches the second batch"),
    ("augmentation", q.OneDraw, "own_draws", "all images have one draw"),
    ("augmentation", q.DrawsOnce, "own_draws", "every call draws the same"),
    ("augmentation", q.OwnGenerator, "own_draws", "two draws differ under the same seed"),
    ("augmentation", q.Lenient, "mismatch", "raises nothing"),
    ("augmentation", q.CutsTheGraph, "gradients", "detached from the images"),
    ("augmentation", q.Rounds, "gradients", "zero everywhere"),
    ("augmentation", q.StraightThrough, "gradients", "GradcheckError"),
    ("augmentation", q.WritesInPlace, "only_computes", "it writes to the images"),
    ("augmentation", q.Counts, "only_computes", "in the augmentation, calls differs"),
    ("augmentation", q.SeesTheCompiler, "compile", "differs"),
    ("penalty", q.OneForEachImage, "scalar", "of shape (3,)"),
    ("penalty", q.NaNPenalty, "scalar", "with a condition it is nan"),
    ("penalty", q.UnseededPenalty, "scalar", "it differs under the same seed"),
    ("penalty", q.CutOff, "gradients", "detached from the discriminator"),
    ("penalty", q.TeachesTheGenerator, "gradients", "a gradient reaches the fake images"),
    ("penalty", q.TeachesNothing, "gradients", "get no gradient"),
    ("penalty", q.Broadcasts, "mismatch", "raises nothing"),
    (
        "penalty",
        q.MarksTheCallersImages,
        "only_computes",
        "it changed requires_grad of real images",
    ),
    ("penalty", q.WritesToReal, "only_computes", "it writes to real images"),
    ("penalty", q.RunsBackward, "only_computes", "it ran backward"),
    ("penalty", q.Remembers, "only_computes", "in the penalty, calls differs"),
    ("penalty", q.FirstOrder, "gradcheck", "GradcheckError"),
    ("dataset", r.WrapsAround, "end", "index 3 of 3 samples raises nothing"),
]
SOUND = [
    ("generator", n.Plain),
    ("task", t.Painter),
    ("generator", n.MutedBehindGain),
    ("generator", n.BiasBeforeNorm),
    ("generator", n.DropsInTraining),
    ("generator", n.NoisyInTraining),
    ("generator", n.AlwaysDropsNothing),
    ("generator", k.Doubles),
    ("generator", k.FromLatents),
    ("generator", k.Coder),
    ("discriminator", p.Judge),
    ("block", n.Plain),
    ("norm", p.Scale),
    ("activation", nn.Softsign),
    ("padding", p.Pad),
    ("upsampler", p.Enlarge),
    ("downsampler", p.Reduce),
    ("initializer", r.Uniform),
    ("adversarial loss", losses.Hinge),
    ("adversarial loss", losses.LeastSquaresAroundZero),
    ("adversarial loss", losses.Quiet),
    ("reconstruction loss", losses.Absolute),
    ("format", f.Bytes),
    ("metric", m.Squared),
    ("dataset", r.Squares),
    ("dataset", r.Triples),
    ("dataset", r.Tiles),
    ("augmentation", q.Shade),
    ("penalty", q.Smooth),
]


def ids(value):
    return getattr(value, "__name__", None)


def options_of(kind, check=""):
    if kind == "augmentation" and check == "gradients":
        return {"size": (3, 4)}  # where one is wrong, torch computes the whole Jacobian
    return {"batch": lambda: {"image": torch.rand(2, 3, 8, 8)}} if kind == "task" else {}


@pytest.mark.parametrize(("kind", "factory", "check", "message"), PLANTED, ids=ids)
def test_the_check_finds_the_defect(kind, factory, check, message):
    options = options_of(kind, check)
    with pytest.raises(ContractError) as caught:
        check_component(kind, factory, only=[check], **options)
    assert caught.value.check == check
    assert message in str(caught.value)
    assert checks_of(kind)[check] in str(caught.value)


@pytest.mark.parametrize(("kind", "factory"), SOUND, ids=ids)
def test_the_sound_twin_passes_all_but_the_spec_of_an_unregistered_class(kind, factory):
    only = [name for name in checks_of(kind) if name != "spec"]
    check_component(kind, factory, only=only, **options_of(kind))


def test_noise_that_is_asked_for_is_sound():
    check_component("generator", n.AlwaysNoisy, only=["eval_deterministic", "batch_independent"])


def labeled(batch, height, width):
    return torch.rand(batch, 4, height, width), torch.arange(batch)


def test_labels_stay_whole_numbers_and_belong_to_their_images():
    with pytest.raises(ContractError, match="at place 1 among other images, output differs"):
        check_component(
            "block", n.LabelsOfOthers, inputs=labeled, out_channels=4, only="batch_independent"
        )


def test_every_check_has_a_planted_defect():
    planted = {checks_of(kind)[check] for kind, _, check, _ in PLANTED}
    required = {line for kind in checked_kinds() for line in checks_of(kind).values()}
    assert required == planted


@pytest.fixture
def registered(monkeypatch):
    """Registers a class as a generator during a test."""
    monkeypatch.setattr(GENERATORS, "_entries", dict(GENERATORS._entries))
    return lambda cls: GENERATORS.register(cls.__name__.lower())(type(cls.__name__, (cls,), {}))


@pytest.mark.parametrize(
    ("cls", "change", "message"),
    [
        (n.ForgetsInSpec, lambda cls: cls().halved(), "size mismatch for first.weight"),
        (n.BehavesUnlikeItsSpec, lambda cls: cls().negated(), "builds behaves differently"),
        (n.NotJSON, None, "ValueError: Out of range"),
    ],
    ids=ids,
)
def test_a_spec_that_does_not_rebuild_the_component(registered, cls, change, message):
    made = registered(cls)
    with pytest.raises(ContractError) as caught:
        check_component("generator", lambda: change(made) if change else made(), only=["spec"])
    assert caught.value.check == "spec"
    assert message in str(caught.value)


def test_a_registered_class_gets_no_hint_to_register(registered):
    made = registered(n.TakesModule)
    with pytest.raises(ContractError, match="pass its name") as caught:
        check_component("generator", lambda: made(nn.ReLU()), only="spec")
    assert '@GENERATORS.register("...")' not in str(caught.value)


def test_a_name_that_was_given_to_another_class(registered):
    mine = registered(n.Plain)
    GENERATORS.register("plain", override=True)(type("Rival", (n.Plain,), {}))
    with pytest.raises(ContractError, match="builds a Rival"):
        check_component("generator", mine, only=["spec"])


def test_a_name_that_was_given_to_a_function_of_other_arguments(registered):
    mine = registered(n.Sized)

    def rival(channels, extra=1):
        return mine(channels)

    GENERATORS.register("sized", override=True)(rival)
    with pytest.raises(ContractError, match='whose spec is .*"extra": 1'):
        check_component("generator", mine, only=["spec"])


def test_a_registered_twin_passes(registered):
    check_component("generator", registered(n.Plain), only=["spec"])


def test_a_discriminator_that_does_not_know_its_sizes():
    with pytest.raises(ContractError, match="Plain has no min_input_size"):
        check_component("discriminator", n.Plain)


def test_the_callers_random_numbers_stay():
    state = torch.get_rng_state()
    check_component("generator", n.Plain, only=["shape", "deterministic"])
    assert torch.equal(torch.get_rng_state(), state)
