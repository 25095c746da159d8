"""The discriminators of pix2pixHD and SPADE, written plainly: read, trained and written."""

from itertools import chain, pairwise

import pytest
import torch
import torch.nn.functional as F
from plain_port import NORMS, randomized
from torch import nn

from ganblocks import MultiScaleDiscriminator, PatchDiscriminator, spec_of
from ganblocks.errors import OptionError, WeightsError
from ganblocks.weights import to_reference


def layers_of(widths, norm, wrap=None, bias=True):
    """Lists the layers of one scale, each with what follows it."""
    last = len(widths) - 2
    layers = []
    for i, (width, out) in enumerate(pairwise(widths)):
        inner = 0 < i < last
        stride = 1 if i >= last - 1 else 2
        conv = nn.Conv2d(width, out, 4, stride, 2, bias=bias or not inner)
        if inner and wrap:
            layers.append([nn.Sequential(wrap(conv), NORMS[norm](out))])
        else:
            layers.append([conv, NORMS[norm](out)] if inner else [conv])
        if i < last:
            layers[-1].append(nn.LeakyReLU(0.2))
    return layers


class MultiScale(nn.Module):
    """A pyramid, full size first: `scales` lists the modules of each scale."""

    def forward(self, x):
        results = []
        for modules in self.scales():
            y = x
            for module in modules:
                y = module(y)
            results.append(y)
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return results


class HD(MultiScale):
    def __init__(self, widths, norm="instance", count=2, features=True):
        super().__init__()
        self.count, self.features, self.length = count, features, len(widths) - 1
        for scale in range(count):
            layers = layers_of(widths, norm)
            if features:
                for i, layer in enumerate(layers):
                    self.add_module(f"scale{scale}_layer{i}", nn.Sequential(*layer))
            else:
                self.add_module(f"layer{scale}", nn.Sequential(*chain.from_iterable(layers)))

    def scales(self):
        for scale in reversed(range(self.count)):
            if self.features:
                names = [f"scale{scale}_layer{i}" for i in range(self.length)]
                yield [getattr(self, name) for name in names]
            else:
                yield [getattr(self, f"layer{scale}")]


class Spade(MultiScale):
    def __init__(self, widths, norm="instance", count=2, spectral=True):
        super().__init__()
        for scale in range(count):
            wrap = nn.utils.spectral_norm if spectral else nn.Identity()
            discriminator = nn.Module()
            for i, layer in enumerate(layers_of(widths, norm, wrap, bias=False)):
                discriminator.add_module(f"model{i}", nn.Sequential(*layer))
            self.add_module(f"discriminator_{scale}", discriminator)

    def scales(self):
        return [list(discriminator.children()) for discriminator in self.children()]


NETWORKS = [
    *[
        (HD, {"norm": norm, "count": count, "features": True})
        for norm in ("instance", "batch")
        for count in (1, 2, 3)
    ],
    *[(Spade, {"norm": norm, "spectral": s}) for norm in ("instance", "batch") for s in (0, 1)],
]
each_network = pytest.mark.parametrize(("cls", "arguments"), NETWORKS)


def trained(cls, n_layers=3, **arguments):
    """Returns a plain network in double precision whose singular vectors have converged."""
    torch.manual_seed(0)
    widths = [6, *(4 * min(2**i, 8) for i in range(n_layers + 1)), 1]
    network = randomized(cls(widths, **arguments)).double().train()
    with torch.no_grad():
        for _ in range(300 if arguments.get("spectral") else 0):
            network(torch.randn(2, 6, 16, 16).double())
    return network


@each_network
@pytest.mark.parametrize("n_layers", [1, 3])
def test_it_is_read_and_trained_and_written_as_theirs(cls, arguments, n_layers):
    plain = trained(cls, n_layers, **arguments)
    ours = MultiScaleDiscriminator.from_reference(plain.state_dict()).double()
    before = to_reference(ours)
    assert list(before) == list(plain.state_dict())
    assert all(torch.equal(before[k].float(), v.float()) for k, v in plain.state_dict().items())
    image = torch.randn(2, 6, 64, 64).double()
    for mode in (False, True):
        for mine, theirs in zip(ours.train(mode)(image), plain.train(mode)(image), strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
    for network in (plain, ours):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        sum(logits.square().mean() for logits in network(image)).backward()
        optimizer.step()
    written = to_reference(ours)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(written[key], value, atol=1e-5, rtol=0)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_without_features_it_has_other_keys(norm):
    plain = trained(HD, norm=norm, count=3, features=False)
    ours = MultiScaleDiscriminator.from_reference(plain.state_dict()).double()
    image = torch.randn(2, 6, 64, 64).double()
    for mine, theirs in zip(ours.train()(image), plain.train()(image), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)


@each_network
def test_its_arguments_are_found(cls, arguments):
    plain = trained(cls, **{**arguments, "spectral": False} if cls is Spade else arguments)
    spec = spec_of(MultiScaleDiscriminator.from_reference(plain.state_dict()))
    assert spec["num_scales"] == arguments.get("count", 2)
    inner = spec["discriminator"]
    assert (inner["padding"], inner["n_layers"], inner["base_channels"]) == (2, 3, 4)


def test_spades_spectral_norm_is_in_the_spec():
    plain = trained(Spade, spectral=True)
    spec = spec_of(MultiScaleDiscriminator.from_reference(plain.state_dict()))
    assert spec["discriminator"]["spectral_norm"] == "inner"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("scale0_layer0.0.weight", "scale0_layer0.0.weight is missing"),
        ("scale1_layer4.0.bias", "scale1_layer4.0.bias is missing"),
        ("scale0_layer2.0.bias", "scale0_layer2.0.bias is missing"),
    ],
)
def test_a_key_that_is_missing_is_named(key, says):
    state = trained(HD).state_dict()
    del state[key]
    with pytest.raises(WeightsError, match=rf"closest .* 1 key differs .*{says}"):
        MultiScaleDiscriminator.from_reference(state)


def test_a_pyramid_is_not_a_patch_gan():
    with pytest.raises(WeightsError, match="pix2pixHD: use MultiScaleDiscriminator.from_reference"):
        PatchDiscriminator.from_reference(trained(HD, count=1).state_dict())


@pytest.mark.parametrize(
    ("discriminator", "says"),
    [
        ("pixel", "discriminator is 'pixel', but pix2pixHD has 'patch'"),
        ("patch_70", "padding is 'auto', but pix2pixHD has 2"),
        (
            {"type": "patch", "padding": 2, "kernel_size": 3},
            "kernel_size is 3, but pix2pixHD has 4",
        ),
        ({"type": "patch", "padding": 2, "norm": "none"}, "norm is 'none', but pix2pixHD has"),
    ],
)
def test_what_they_have_not_is_named(discriminator, says):
    with pytest.raises(OptionError, match=f"^{says}"):
        to_reference(MultiScaleDiscriminator(6, discriminator))
