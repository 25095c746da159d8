import pytest
import torch
from torch import nn

from ganblocks import NORMS, BatchNorm, InstanceNorm, ShapeError


def test_instance_norm_is_the_formula():
    norm = InstanceNorm(3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x = torch.randn(2, 3, 5, 7)
    mean = x.mean((2, 3), keepdim=True)
    spread = (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    expected = (x - mean) / spread * norm.weight[:, None, None] + norm.bias[:, None, None]
    assert torch.allclose(norm(x), expected, atol=1e-5)
    assert torch.equal(norm.eval()(x), norm.train()(x))


def test_batch_norm_at_batch_1_equals_instance_norm():
    batch, instance = BatchNorm(4), InstanceNorm(4)
    x = torch.randn(1, 4, 6, 6)
    assert torch.allclose(batch(x), instance(x), atol=1e-5)


@pytest.mark.parametrize("name", ["batch", "instance"])
@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_agree_in_both_memory_formats(name, batch):
    """torch's own instance norm gives wrong gradients in channels_last on the CPU."""
    norm = NORMS.build(name, 8)
    x, weight = torch.randn(2, batch, 8, 16, 16)
    grads = []
    for layout in (torch.contiguous_format, torch.channels_last):
        leaf = x.clone().to(memory_format=layout).requires_grad_()
        norm.zero_grad()
        (norm(leaf) * weight).sum().backward()
        grads.append((leaf.grad, norm.weight.grad.clone()))
    for plain, last in zip(*grads, strict=True):
        assert torch.allclose(plain, last, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "training"), [("batch", True), ("instance", True), ("instance", False)]
)
def test_a_single_value_cannot_be_normalised(name, training):
    with pytest.raises(ShapeError, match="one value a channel"):
        NORMS.build(name, 4).train(training)(torch.zeros(1, 4, 1, 1))


def test_batch_norm_takes_1x1_maps_of_a_batch_and_in_eval():
    norm = BatchNorm(4)
    assert norm(torch.randn(2, 4, 1, 1)).shape == (2, 4, 1, 1)
    assert norm.eval()(torch.randn(1, 4, 1, 1)).shape == (1, 4, 1, 1)


def test_no_norm_is_the_identity():
    x = torch.randn(1, 2, 3, 3)
    assert NORMS.build("none", 2)(x) is x
