"""Activations, dropout, and the twin with other statistics."""

import pytest
import torch
from torch import nn

from ganblocks import UNetGenerator, initialize, spec_of
from ganblocks.blocks import ACTIVATIONS, BatchNorm, Dropout, NormalInitializer, with_statistics
from ganblocks.errors import OptionError


@pytest.mark.parametrize("name", ACTIVATIONS.names())
def test_no_activation_works_in_place(name):
    x = torch.randn(4, 4)
    before = x.clone()
    ACTIVATIONS.build(name)(x)
    assert torch.equal(x, before)


def test_leaky_relu_has_the_slope_of_pix2pix():
    assert ACTIVATIONS.build("leaky_relu")(torch.tensor(-1.0)).item() == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("mode", "training", "on"),
    [("train", True, True), ("train", False, False), ("always", False, True)],
)
def test_dropout_is_on_when_it_says(mode, training, on):
    x = torch.ones(1000)
    y = Dropout(0.5, mode=mode).train(training)(x)
    assert (not torch.equal(x, y)) is on
    if on:
        assert set(y.tolist()) == {0.0, 2.0}


def test_statistics_of_the_image_equal_train_mode_at_batch_1():
    network = UNetGenerator(base_channels=4, num_downs=4, dropout=0.0)
    for module in network.modules():
        if isinstance(module, BatchNorm):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var)
    image = torch.randn(1, 3, 16, 16)
    twin = with_statistics(network, "image")
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    by_image = twin(image)
    assert network.training
    assert all(torch.equal(value, kept[key]) for key, value in network.state_dict().items())
    assert torch.allclose(by_image, network(image), atol=1e-5)
    network.load_state_dict(kept)
    by_running = with_statistics(network, "running")(image)
    assert torch.equal(by_running, network.eval()(image))
    assert not torch.allclose(by_image, by_running, atol=1e-2)


def test_statistics_of_each_image_do_not_depend_on_its_neighbors():
    network = UNetGenerator(base_channels=4, num_downs=3, dropout=0.0)
    images = torch.randn(3, 3, 16, 16)
    twin = with_statistics(network, "image")
    assert torch.allclose(twin(images)[1:2], twin(images[1:2]), atol=1e-5)


def test_the_twin_follows_the_training():
    network = UNetGenerator(base_channels=4, num_downs=3)
    twin = with_statistics(network, "image")
    own = {id(p) for p in network.parameters()}
    assert {id(p) for p in twin.parameters()} == own


def test_statistics_has_two_words():
    with pytest.raises(OptionError, match="'image', 'running'"):
        with_statistics(nn.Identity(), "batch")


def test_statistics_keep_eps_and_reach_synchronized_norms():
    norm = BatchNorm(4, eps=0.5)
    image = torch.randn(1, 4, 6, 6)
    expected = norm(image)
    for made in (norm, nn.SyncBatchNorm.convert_sync_batchnorm(norm)):
        assert torch.allclose(with_statistics(made, "image")(image), expected, atol=1e-5)


def test_the_twin_of_a_wrapped_network_is_the_networks():
    network = UNetGenerator(base_channels=4, num_downs=3, dropout=0.0)
    twin = with_statistics(nn.DataParallel(network), "image")
    assert isinstance(twin, UNetGenerator)


def test_an_initializer_that_is_made_already():
    conv = nn.Conv2d(16, 64, 3)
    initialize(conv, NormalInitializer(std=3.0))
    assert conv.weight.std().item() == pytest.approx(3.0, rel=0.1)
    network = UNetGenerator(base_channels=4, num_downs=2, init=NormalInitializer(std=3.0))
    assert network.down[1].conv.weight.std().item() > 2
    assert spec_of(network)["init"] == {"type": "normal", "std": 3.0}
