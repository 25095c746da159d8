"""What tasks say besides their losses: inputs, pictures, scores, and what does not fit."""

from statistics import fmean

import pytest
import torch
import torch.nn.functional as F
from games import CODE, LATENT, RESIDUAL, SIZE, SPECS, batch, build
from torch import nn

from ganblocks import Updater
from ganblocks.errors import DataError, OptionError, ShapeError

IMAGES = {
    "unpaired": ["a", "b"],
    "unconditional": ["image"],
    "classes": ["image"],
    "reconstruction": ["image"],
    "super_resolution": ["source", "target"],
}


def single(kind, **options):
    return batch(kind, dtype=torch.float32, **options)


def error(x, y):
    return (x - y).abs().mean().item()


@pytest.mark.parametrize("kind", SPECS)
def test_images_of_a_batch_are_checked(kind):
    task, given = build(kind), single(kind)
    assert list(task.images) == IMAGES[kind]
    task.check(given)
    for key in task.images:
        for wrong, message in [
            (given[key] * 200, "has values from .*: scale images"),
            ((given[key] * 127).byte(), "is torch.uint8"),
            (["a.png"], "is list"),
        ]:
            with pytest.raises(DataError, match=rf"batch\['{key}'\] {message}"):
                task.check({**given, key: wrong})
        with pytest.raises(DataError, match=rf"batch\['{key}'\] is NoneType"):
            task.check({name: x for name, x in given.items() if name != key})
    key = task.images[0]
    task.check({**given, key: given[key].new_full((1, 3, 8, 8), float("nan"))})  # named elsewhere


@pytest.mark.parametrize("kind", SPECS)
def test_inputs_are_drawn_where_a_batch_has_none(kind):
    task, given = build(kind), single(kind)
    assert task.inputs(given) is given
    if "latent" in given:
        given.pop("latent")
        torch.manual_seed(3)
        drawn = task.inputs(given)
        torch.manual_seed(3)
        assert torch.equal(drawn.pop("latent"), torch.empty(2, LATENT["latent_dim"]).normal_())
        assert drawn == given


@pytest.mark.parametrize("kind", SPECS)
def test_the_health_check_can_run_the_network_that_is_probed(kind):
    task = build(kind)
    if kind == "classes":  # it would need labels too
        assert task.probed is None
        return
    name, key = task.probed
    output = task.network(name)(task.inputs(single(kind))[key])
    assert output.shape == (2, 3, SIZE, SIZE)


def test_pictures_of_an_unpaired_batch_and_its_cycle_error():
    task, given = build("unpaired").eval(), single("unpaired", size=1)
    a, b, g_ab, g_ba = given["a"], given["b"], task.generator_ab, task.generator_ba
    with torch.no_grad():
        shown = task.preview(given)
        expected = [a, g_ab(a), g_ba(g_ab(a)), b, g_ba(b), g_ab(g_ba(b))]
        assert list(shown) == ["a", "a → b", "a → b → a", "b", "b → a", "b → a → b"]
        assert all(map(torch.equal, shown.values(), expected))
        cycle = (error(expected[2], a) + error(expected[5], b)) / 2
        assert task.score(given) == pytest.approx({"cycle": cycle})
    assert task.baseline(iter([given])) == {}


@pytest.mark.parametrize("kind", ["unconditional", "classes"])
def test_pictures_from_noise_differ_and_have_no_score(kind):
    task, given = build(kind).eval(), single(kind)
    shown = task.preview(given)
    assert list(shown) == ["real", "sample 1", "sample 2", "sample 3", "sample 4"]
    assert shown["real"] is given["image"]
    assert not torch.equal(shown["sample 1"], shown["sample 2"])
    torch.manual_seed(1)
    fresh = task.generator(torch.empty(2, 4).normal_(), given.get("label"))
    torch.manual_seed(1)
    assert torch.equal(task.preview(given)["sample 1"], fresh)
    assert (task.score(given), task.baseline(iter([given]))) == ({}, {})


def test_pictures_and_the_score_of_a_reconstruction():
    task, given = build("reconstruction").eval(), single("reconstruction", size=1)
    shown = task.preview({**given, "name": ["one"], "mask": torch.ones(1)})
    output = task.generator(given["image"])  # of the mean code
    assert list(shown) == ["image", "fake"]
    assert torch.equal(shown["fake"], output)
    assert task.score(given) == pytest.approx({"l1": error(output, given["image"])})
    assert task.baseline(iter([given])) == {}


def test_pictures_the_score_and_the_baseline_of_super_resolution():
    task = build("super_resolution").eval()
    given = [single("super_resolution", size=1, seed=n) for n in range(2)]
    source, target = given[0]["source"], given[0]["target"]
    shown = task.preview(given[0])
    assert list(shown) == ["source", "target", "fake"]
    assert torch.equal(shown["source"], source.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert given[0]["source"].shape[2:] == (SIZE // 2, SIZE // 2)  # as it was
    assert task.score(given[0]) == pytest.approx({"l1": error(task.generator(source), target)})
    bicubic = fmean(
        error(F.interpolate(x["source"], scale_factor=2, mode="bicubic").clamp(-1, 1), x["target"])
        for x in given
    )
    assert task.baseline(iter(given)) == pytest.approx({"l1": bicubic})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"generator": nn.Conv2d(3, 3, 1)}, "Conv2d has no latent_dim"),
        (
            {"generator": LATENT | {"num_classes": 3}},
            "the generator has 3 classes and the discriminator 0",
        ),
        (
            {"discriminator": RESIDUAL | {"num_classes": 2}},
            "the generator has 0 classes and the discriminator 2",
        ),
    ],
)
def test_networks_that_cannot_play_from_noise(parts, message):
    with pytest.raises(OptionError, match=message):
        build("unconditional", **parts)


def test_batches_that_do_not_fit():
    given = single("classes")
    label = given.pop("label")
    with pytest.raises(DataError, match="3 classes, but the batch has no 'label'"):
        Updater(build("classes")).step(given)
    updater = Updater(build("classes", objective={"terms": {"gan": "hinge", "l1": "l1"}}))
    with pytest.raises(OptionError, match="needs a target"):
        updater.step({**given, "label": label})
    larger = {**given, "label": label, "image": torch.zeros(1, 3, 2 * SIZE, 2 * SIZE)}
    with pytest.raises(ShapeError, match="but the images are .*resize the images"):
        updater.step(larger)


def test_the_way_back_of_a_network_without_a_spec_is_asked_for():
    with pytest.raises(OptionError, match="pass the other network as generator_ba=…"):
        build("unpaired", generator=nn.Conv2d(3, 3, 1))
    with pytest.raises(OptionError, match="pass the other network as discriminator_a=…"):
        build("unpaired", discriminator=nn.Conv2d(3, 1, 4))


def test_both_ways_keep_the_shape_of_images():
    task = build("unpaired", generator_ba=nn.Conv2d(3, 3, 2))
    with pytest.raises(ShapeError, match="cycle: a generator returned .*keep the height and width"):
        Updater(task).step(single("unpaired"))
    networks = {
        "generator": nn.Conv2d(3, 1, 1),
        "discriminator": nn.Conv2d(1, 1, 4),
        "generator_ba": nn.Conv2d(1, 3, 1),
        "discriminator_a": nn.Conv2d(3, 1, 4),
    }
    gray = {"a": single("unpaired")["a"], "b": single("unpaired")["b"][:, :1]}
    with pytest.raises(ShapeError, match="1 channels to a generator of images of 3: write ident"):
        Updater(build("unpaired", **networks)).step(gray)
    task = build("unpaired", identity=None, **networks)
    assert Updater(task).step(gray)["skipped_g"] == 0


class Unchanged(nn.Module):
    """A bottleneck without terms."""

    def __init__(self, channels):
        super().__init__()

    def forward(self, x, with_terms=False):
        return (x, {}) if with_terms else x


def test_an_autoencoder_keeps_the_shape_and_shares_its_terms_with_the_objective():
    given, l1 = single("reconstruction"), {"terms": {"l1": "l1"}}
    with pytest.raises(ShapeError, match="autoencoder returns the shape of its input"):
        build("reconstruction", generator=nn.Conv2d(3, 3, 3), objective=l1).generate(given)
    with pytest.raises(OptionError, match=r"the network returned the terms \['kl'\]"):
        Updater(build("reconstruction", objective=l1)).step(given)
    task = build("reconstruction", generator=CODE | {"bottleneck": Unchanged}, objective=l1)
    assert Updater(task).step(given)["skipped_g"] == 0
