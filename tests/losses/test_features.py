"""Feature losses against numpy, and where their features come from."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from ganblocks import (
    FEATURE_LOSSES,
    FeatureMatchingLoss,
    MultiScaleDiscriminator,
    Objective,
    PatchDiscriminator,
    PerceptualLoss,
    spec_of,
)
from ganblocks.errors import OptionError, ShapeError, WeightsError
from ganblocks.losses import StyleLoss


@pytest.fixture(autouse=True)
def small_heads(monkeypatch):
    """No map comes from the classifiers, which hold nine tenths of all parameters."""

    class Small(nn.Linear):
        def __init__(self, *_):
            super().__init__(1, 1)

    for name in ("alexnet", "vgg"):
        module = import_module(f"torchvision.models.{name}")
        monkeypatch.setattr(module, "nn", SimpleNamespace(**vars(nn) | {"Linear": Small}))


class Maps(nn.Module):
    """Returns its input and the square of it."""

    def forward(self, x):
        return x, x.square()


def pair(channels=3, size=64):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(2, 2, channels, size, size)))


@pytest.mark.parametrize(("weighting", "factor"), [("pix2pixhd", 4 / 4), ("spade", 1.0)])
def test_matching_on_a_patch_discriminator(weighting, factor):
    critic = PatchDiscriminator(3, base_channels=4, norm="none").double()
    output, target = pair()
    maps = [critic.features(x) for x in (output, target)]
    assert maps[0][-1].shape[1] == 1  # the logits, which are not compared: four maps remain
    expected = factor * sum((a - b).abs().mean().item() for a, b in list(zip(*maps))[:-1])
    actual = FeatureMatchingLoss(weighting)(output, target, critic.features).item()
    assert actual == pytest.approx(expected, rel=1e-12)


def test_layer_weights_are_those_of_pix2pixhd_and_spade():
    critic = MultiScaleDiscriminator(
        3, {"type": "patch", "base_channels": 4, "n_layers": 2}, num_scales=2
    )
    output, target = (x.float() for x in pair())
    loss = FeatureMatchingLoss("pix2pixhd")(output, target, critic.features)
    other = FeatureMatchingLoss("spade")(output, target, critic.features)
    # Three maps and the logits at each scale: 4 / 3 against 1.
    assert (loss / other).item() == pytest.approx(4 / 3, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "layers", "least"),
    [
        ("vgg19", None, 16),
        ("vgg16", None, 8),
        ("vgg16", ["features.3"], 1),
        ("alexnet", None, 31),
        ("resnet18", None, 1),
    ],
)
def test_images_too_small_for_a_backbone(name, layers, least):
    loss = PerceptualLoss(name, layers=layers, backbone_weights="random")
    image = torch.rand(1, 3, least, least)
    assert loss(image, image) == 0
    if least > 1:
        with pytest.raises(ShapeError, match=f"{name} needs sides of at least {least} pixels"):
            loss(image[..., 1:], image[..., 1:])


def test_perceptual_is_the_weighted_l1_of_maps():
    output, target = pair()
    actual = PerceptualLoss(Maps(), map_weights=[0.5, 2.0])(output, target).item()
    y, t = output.numpy(), target.numpy()
    expected = 0.5 * np.abs(y - t).mean() + 2 * np.abs(y**2 - t**2).mean()
    assert actual == pytest.approx(expected, rel=1e-12)


def test_style_is_the_distance_of_gram_matrices():
    output, target = pair(size=5)
    actual = StyleLoss(Maps())(output, target).item()

    def gram(x):
        flat = x.reshape(*x.shape[:2], -1)
        return np.einsum("bcn,bdn->bcd", flat, flat) / (flat.shape[1] * flat.shape[2])

    y, t = output.numpy(), target.numpy()
    expected = sum(((gram(a) - gram(b)) ** 2).sum((1, 2)).mean() for a, b in [(y, t), (y**2, t**2)])
    assert actual == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", [PerceptualLoss, StyleLoss])
def test_a_network_of_its_own_takes_half_precision_too(kind):
    loss = kind("alexnet", backbone_weights="random")
    output, target = torch.rand(2, 1, 3, 64, 64).bfloat16()
    expected = loss(output.float(), target.float())
    for autocast in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            assert torch.equal(loss(output, target), expected)


@pytest.mark.parametrize("name", FEATURE_LOSSES.names())
def test_the_gradient_reaches_the_output_and_not_the_target(name):
    critic = PatchDiscriminator(3, base_channels=4, n_layers=2)
    output, target = (x.float().requires_grad_() for x in pair())
    FEATURE_LOSSES.build(name)(output, target, critic.features).backward()
    assert output.grad.abs().sum() > 0
    assert target.grad is None


@pytest.mark.parametrize("kind", [PerceptualLoss, StyleLoss])
def test_map_weights_are_applied(kind):
    output, target = pair(size=5)
    alone = [kind(Maps(), map_weights=w)(output, target).item() for w in ([1, 0], [0, 1])]
    both = kind(Maps(), map_weights=[0.5, 2.0])(output, target).item()
    assert both == pytest.approx(0.5 * alone[0] + 2 * alone[1], rel=1e-12)


def test_gram_matrices_are_accurate_in_autocast():
    image = 4 * torch.rand(1, 16, 32, 32)
    expected = StyleLoss(nn.Identity())(image, 0.999 * image).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = StyleLoss(nn.Identity())(image, 0.999 * image).item()
    assert actual == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", FEATURE_LOSSES.names())
def test_first_and_second_derivatives(name):
    torch.manual_seed(0)
    layers = [nn.Conv2d(i, o, 3).double() for i, o in ((2, 3), (3, 2), (2, 1))]
    output, target = torch.randn(2, 1, 2, 8, 7, dtype=torch.float64)

    def features(x):
        maps = []
        for layer in layers:
            x = layer(x).tanh()
            maps.append(x)
        return maps

    def of(x):
        return 100 * FEATURE_LOSSES.build(name)(x, target, features)

    assert torch.autograd.gradcheck(of, output.requires_grad_())
    assert torch.autograd.gradgradcheck(of, output)


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "vgg19", "resnet18"])
def test_a_named_backbone_is_frozen_and_passes_gradients(name):
    torch.manual_seed(0)
    loss = PerceptualLoss(name, backbone_weights="random").train()
    before = {key: value.clone() for key, value in loss.state_dict().items()}
    output, target = (x.float()[:1] for x in pair())
    output.requires_grad_()
    loss(output, target).backward()
    assert output.grad.abs().sum() > 0
    assert not loss.features.network.training
    assert not any(p.requires_grad for p in loss.parameters())
    assert all(torch.equal(before[key], value) for key, value in loss.state_dict().items())
    gray = loss(output[:, :1], target[:, :1])
    assert gray.isfinite()


@pytest.mark.parametrize("kind", [PerceptualLoss, StyleLoss])
def test_a_module_of_ones_own_stays_in_eval_mode(kind):
    module = torch.nn.BatchNorm2d(3)
    objective = Objective({"p": {"loss": kind(module)}}).train()
    objective.generator(fake=torch.rand(1, 3, 8, 8), target=torch.ones(1, 3, 8, 8))
    assert module.num_batches_tracked == 0


def test_a_backbone_normalizes_as_torchvision_does():
    from torchvision.models import alexnet
    from torchvision.transforms.v2.functional import normalize

    torch.manual_seed(0)
    plain = alexnet(weights=None).eval()
    torch.manual_seed(0)
    loss = PerceptualLoss("alexnet", backbone_weights="random", layers=["features.0"])
    image = torch.rand(1, 3, 64, 64)
    imagenet = normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(loss.features(2 * image - 1)[0], plain.features[0](imagenet))


def test_weights_from_a_file_and_the_spec(tmp_path):
    from torchvision.models import alexnet

    path = tmp_path / "mine.pth"
    torch.save(alexnet(weights=None).state_dict(), path)
    loss = PerceptualLoss("alexnet", backbone_weights=str(path))
    again = FEATURE_LOSSES.build(spec_of(loss))
    output, target = (x.float()[:1] for x in pair())
    assert again(output, target) == loss(output, target)


def test_weights_that_cannot_be_loaded(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", offline)
    with pytest.raises(WeightsError, match=r"no route to host.*put torchvision's file alexnet"):
        PerceptualLoss("alexnet")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightsError, match="text.pth"):
        PerceptualLoss("alexnet", backbone_weights=str(tmp_path / "text.pth"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PerceptualLoss("vgg91"), "did you mean 'vgg19'"),
        (
            lambda: StyleLoss("alexnet", layers=["features.99"], backbone_weights="random"),
            "alexnet has no layer 'features.99'",
        ),
        (lambda: PerceptualLoss(Maps(), layers=["a"]), "they need a named backbone"),
        (lambda: PerceptualLoss(abs), "features is"),
        (lambda: PerceptualLoss("alexnet", layers=3), "layers is 3"),
        (lambda: PerceptualLoss(Maps(), map_weights=5), "map_weights is 5"),
        (
            lambda: PerceptualLoss("alexnet", layers=[], backbone_weights="random"),
            r"layers are \[\]",
        ),
        (lambda: PerceptualLoss(Maps(), map_weights=[-1.0]), "a value of map_weights is -1.0"),
        (lambda: FeatureMatchingLoss("hd"), "unknown weighting 'hd'"),
        (lambda: PerceptualLoss()(*pair()), "has no features to compare"),
        (lambda: PerceptualLoss(Maps(), map_weights=[1.0])(*pair()), "1 map_weights for 2 maps"),
        (lambda: FeatureMatchingLoss()(*pair(), nn.Identity()), "only the logits of a scale"),
    ],
)
def test_invalid_arguments(make, message):
    with pytest.raises(OptionError, match=message):
        make()


def test_other_channels_need_their_own_features():
    loss = PerceptualLoss("alexnet", backbone_weights="random")
    with pytest.raises(ShapeError, match="your own feature module"):
        loss(*(x.float() for x in pair(channels=12)))


@pytest.mark.parametrize("features", ["vgg16", None])
@pytest.mark.parametrize("layers", [0, True, len, [1], [[1]], [], ["features.1"] * 2])
def test_layers_that_are_no_names(features, layers):
    with pytest.raises(OptionError, match="layers (is|are)"):
        PerceptualLoss(features, layers=layers, backbone_weights="random")
