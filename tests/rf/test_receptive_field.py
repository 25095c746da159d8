"""The calculator beyond correct fields: tables, sizes, custom rules, refusals."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from op import Op
from torch import nn

from ganblocks import PatchDiscriminator, UNetGenerator, receptive_field
from ganblocks.errors import OptionError, ShapeError, UnknownOperationError
from ganblocks.rf import register_rule, verify_receptive_field, window
from ganblocks.rf.rules import RULES


def test_box_continues_beyond_the_map_and_support_ends_at_it():
    field = receptive_field(nn.Conv2d(1, 1, 3, padding=1), (1, 5, 5))
    assert field.box(0, 9) == (-1, 8, 2, 11)
    assert field.support(0, 4) == (0, 3, 2, 5)
    assert field.center(0, 4) == (0.0, 4.0)
    assert field.supports().shape == (5, 5, 4)
    with pytest.raises(OptionError, match=r"index \(5, 0\): the output is \(5, 5\)"):
        field.support(5, 0)


def test_support_can_be_smaller_than_the_clipped_box():
    # The second map has no column left of 0: what its padding would have seen is not seen.
    field = receptive_field(
        nn.Sequential(nn.Conv1d(1, 1, 2, padding=1), nn.Conv1d(1, 1, 1), nn.ConstantPad1d(-1, 0)),
        (1, 9),
    )
    assert field.box(0) == (0, 2)
    shifted = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Conv1d(1, 1, 3, padding=2, stride=2))
    field = receptive_field(shifted, (1, 9))
    assert field.box(0) == (-2, 1)
    assert field.support(0) == (0, 1)


def test_up_sampling_has_fields_that_differ_by_phase():
    field = receptive_field(nn.Upsample(scale_factor=2, mode="bilinear"), (1, 8, 8))
    assert field.stride == (Fraction(1, 2),) * 2
    assert not field.uniform
    assert (field.box(4, 5)[0], field.box(4, 5)[2]) == (1, 3)
    assert (field.box(4, 5)[1], field.box(4, 5)[3]) == (2, 4)


def test_misaligned_branches_are_reported():
    branches = Op(lambda x: torch.cat((F.avg_pool2d(x, 3, 1, 1), F.pad(x, (1, -1, 0, 0))), 1))
    field = receptive_field(branches, (1, 8, 8))
    assert not field.aligned
    assert field.misaligned == ("cat: centers differ by 1 pixels",)
    assert "centers differ by 1 pixels" in field.table()
    assert field.size == (3, 3)
    assert receptive_field(UNetGenerator(base_channels=2, num_downs=3), (32, 32)).aligned


def test_ignored_statistics_are_listed_and_counted_ones_see_all():
    network = PatchDiscriminator(6, base_channels=2, norm="instance")
    field = receptive_field(network, (96, 96))
    assert field.size == (70, 70)
    assert field.ignored == tuple(f"blocks.{n}.norm: native_group_norm" for n in (1, 2, 3))
    counted = receptive_field(network, (96, 96), statistics="counted")
    assert counted.ignored == ()
    assert counted.support(0, 0) == (0, 0, 96, 96)


def test_a_gate_of_the_whole_map_is_a_statistic_and_a_sum_is_not():
    gate = Op(lambda x: x * x.mean((2, 3), keepdim=True).sigmoid())
    added = Op(lambda x: x + x.mean((2, 3), keepdim=True))
    assert receptive_field(gate, (3, 8, 8)).size == (1, 1)
    assert receptive_field(gate, (3, 8, 8)).ignored == ("mul",)
    assert receptive_field(gate, (3, 8, 8), statistics="counted").support(3, 3) == (0, 0, 8, 8)
    assert receptive_field(added, (3, 8, 8)).support(3, 3) == (0, 0, 8, 8)


def mean_of_map(x):
    return x.mean((2, 3), keepdim=True).sigmoid()


@pytest.mark.parametrize(
    "scaled",
    [
        lambda x: x * x.mean(),
        lambda x: x / x.std(),
        lambda x: x * mean_of_map(x),
        lambda x: x * mean_of_map(x).expand_as(x),
        lambda x: x * (1 - mean_of_map(x).expand_as(x).sqrt()),
        lambda x: x * mean_of_map(x).repeat(1, 1, 8, 8),
        lambda x: x * mean_of_map(x).repeat_interleave(8, 2).repeat_interleave(8, 3),
        lambda x: x * F.interpolate(mean_of_map(x), x.shape[2:]),
        lambda x: x * F.interpolate(mean_of_map(x), x.shape[2:], mode="bilinear"),
        lambda x: x * (torch.ones_like(x) * mean_of_map(x)),
        lambda x: x * F.avg_pool2d(x, 8),
        lambda x: x.clone().mul_(mean_of_map(x)),
        lambda x: torch.addcmul(torch.ones_like(x), x, mean_of_map(x)),
        lambda x: (x.movedim(1, -1) * mean_of_map(x)[..., 0, 0]).movedim(-1, 1),
    ],
)
def test_a_gate_is_left_out_however_it_is_written(scaled):
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), Op(scaled))
    field = receptive_field(network, (3, 8, 8))
    assert (field.size, len(field.ignored)) == ((3, 3), 1)
    assert verify_receptive_field(network, (3, 8, 8)) == ()
    assert receptive_field(network, (3, 8, 8), statistics="counted").support(3, 3) == (0, 0, 8, 8)


@pytest.mark.parametrize(
    ("factor", "box"),
    [
        (lambda x: x[:, :, :1, :1], (0, 0, 4, 4)),
        (lambda x: x.flatten(1)[:, :3, None, None], (0, 0, 4, 4)),
        (lambda x: x.mean(3, keepdim=True), (3, 0, 4, 8)),
        (lambda x: attention_of(x).mean(1, keepdim=True), (0, 0, 8, 8)),
        (lambda x: x.flatten(2).mul(torch.ones(64)).cumsum(2).flip(2).view(x.shape), None),
    ],
)
def test_a_factor_that_is_no_statistic_counts(factor, box):
    network = Op(lambda x: x * factor(x))
    field = receptive_field(network, (3, 8, 8))
    assert field.ignored == ()
    assert box is None or field.support(3, 3) == box
    assert verify_receptive_field(network, (3, 8, 8)) == ()


def attention_of(x):
    tokens = x.flatten(2).mT
    return F.scaled_dot_product_attention(tokens, tokens, tokens).mT.reshape(x.shape)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.cat([x[:, :, :0], x], 2),
        lambda x: torch.cat(x.split([0, 8], 2), 2),
        lambda x: x + x[:, :, :0].sum(),
        lambda x: x + torch.stack([x[..., :0], x[..., :0]]).sum(),
    ],
)
def test_a_part_without_elements_sees_nothing(function):
    assert receptive_field(Op(function), (3, 8, 8)).size == (1, 1)
    assert verify_receptive_field(Op(function), (3, 8, 8)) == ()


def test_branches_of_different_strides_have_a_mean_stride():
    def joined(x):
        options = {"mode": "bilinear", "align_corners": True}
        return x + F.interpolate(F.avg_pool2d(x, 2), x.shape[2:], **options)

    field = receptive_field(Op(joined), (3, 16, 16))
    first, last = field.center(0, 0)[0], field.center(15, 0)[0]
    assert field.stride == (Fraction(last - first) / 15,) * 2 == (Fraction(14, 15),) * 2
    boxes = [field.box(i, 0)[0] for i in range(16)]
    assert field.padding[0] == max(field.stride[0] * i - box for i, box in enumerate(boxes))
    assert not field.uniform


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.movedim(1, -1),
        lambda x: x.movedim(1, -1).roll(1, 1),
        lambda x: x.flatten(2).mT,
        lambda x: [x, x.flatten(2).mT],
    ],
)
def test_outputs_with_channels_last_are_refused(function):
    with pytest.raises(OptionError, match=r"channels last.*output.movedim\(-1, 1\)"):
        receptive_field(Op(function), (3, 8, 6))


def test_a_constant_among_several_outputs_sees_nothing():
    network = Op(lambda x: {"map": x, "place": torch.ones(1, 1, 4, 4)})
    fields = receptive_field(network, (3, 8, 8))
    assert (fields["map"].size, fields["place"].size) == ((1, 1), (0, 0))
    assert fields["place"].support(1, 1) == (0, 0, 0, 0)
    assert verify_receptive_field(network, (3, 8, 8)) == ()


def test_the_table_names_modules_and_what_they_do():
    network = nn.Sequential(nn.Conv2d(3, 4, (3, 5), padding=1), nn.ReLU(), nn.MaxPool2d(2))
    lines = receptive_field(network, (8, 12)).table().splitlines()
    assert [line.split() for line in lines] == [
        ["module", "operation", "map", "size", "stride", "padding"],
        ["0", "Conv2d", "k3×5", "p1", "8×10", "3×5", "1×1", "1×1"],
        ["2", "MaxPool2d", "k2", "s2", "4×5", "4×6", "2×2", "1×1"],
    ]


def test_the_network_is_left_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    state = {key: value.clone() for key, value in network.state_dict().items()}
    receptive_field(network, (8, 8))
    assert network.training
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in state.items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_several_outputs_keep_their_form():
    listed = receptive_field(Op(lambda x: [x, F.avg_pool2d(x, 4)]), (3, 8, 8))
    assert [field.size for field in listed] == [(1, 1), (4, 4)]
    assert listed[1].output_size(16, 20) == (4, 5)
    named = receptive_field(Op(lambda x: {"half": F.avg_pool2d(x, 2)}), (3, 8, 8))
    assert named["half"].stride == (2, 2)


torch.library.define("ganblocks_tests::smear", "(Tensor x) -> Tensor")


@torch.library.impl("ganblocks_tests::smear", "Meta")
def _smear_shape(x):
    return torch.empty_like(x)


def test_an_unknown_operation_is_named_and_learnt():
    network = nn.Sequential(nn.Conv1d(1, 1, 3), Op(torch.ops.ganblocks_tests.smear))
    with pytest.raises(UnknownOperationError) as refused:
        receptive_field(network, (1, 9))
    assert "1: there is no rule for the operation ganblocks_tests.smear" in str(refused.value)
    assert "@ganblocks.rf.register_rule(torch.ops.ganblocks_tests.smear)" in str(refused.value)
    try:

        @register_rule(torch.ops.ganblocks_tests.smear)
        def smear(call):
            return call.region().gather(-1, window(call.out.shape[-1], kernel=5, padding=2))

        assert receptive_field(network, (1, 9)).size == (7,)
    finally:
        RULES.pop(torch.ops.ganblocks_tests.smear)
    with pytest.raises(OptionError, match="is not an operation"):
        register_rule("smear")


@pytest.mark.parametrize(
    ("network", "size", "error", "message"),
    [
        (3, (3, 8, 8), OptionError, r"module is 3: pass a network \(nn.Module\)"),
        (PatchDiscriminator, (3, 8, 8), OptionError, "pass a network"),
        (nn.Conv2d(3, 1, 3), (), OptionError, r"input_size is \(\)"),
        (nn.Conv2d(3, 1, 3), (0, 8), OptionError, r"input_size is \(0, 8\)"),
        (nn.Conv2d(3, 1, 3), 8, OptionError, "input_size is 8"),
        (nn.Conv2d(3, 1, 3), (1, 2, 3, 4), OptionError, "takes 3 numbers, the channels first"),
        (nn.Conv2d(3, 1, 3), (2, 2), ShapeError, "does not run on an image of 2×2"),
        (nn.Conv2d(3, 1, 3), (4, 8, 8), ShapeError, "with 4 channels"),
        (PatchDiscriminator(6, base_channels=2), (8, 8), ShapeError, "needs at least 24×24"),
        (nn.ReLU(), None, OptionError, "no convolution from which to take the shape"),
        (nn.ReLU(), (8, 8), OptionError, "ReLU takes 3 numbers, the channels first\n"),
        (nn.Sequential(nn.Conv2d(3, 1, 3), nn.AdaptiveAvgPool2d(3)), None, OptionError, "image's"),
        (UNetGenerator(base_channels=8, attention_levels=[0]), None, OptionError, "sees the whole"),
        (Op(lambda x: torch.ones(1, 1, 4, 4)), (3, 8, 8), ShapeError, "does not depend on"),
        (Op(lambda x: x if x.sum() > 0 else -x), (3, 8, 8), OptionError, "reads the values"),
        (
            Op(lambda x: (x, [x])),
            (3, 8, 8),
            OptionError,
            "returns a list where a tensor is expected",
        ),
        (Op(lambda x: None), (3, 8, 8), OptionError, "returns a NoneType where"),
        (nn.Bilinear(3, 3, 3), (3, 8, 8), OptionError, "takes inputs other than one image"),
        (Op(lambda x: torch.fft.fft2(x).real), (3, 8, 8), UnknownOperationError, "fft"),
        (Op(lambda x: x[x > 0]), (3, 8, 8), OptionError, "reads the values"),
    ],
)
def test_mistakes_are_explained(network, size, error, message):
    with pytest.raises(error, match=message):
        receptive_field(network, size)


def test_an_unknown_word_for_statistics():
    with pytest.raises(OptionError, match="unknown statistics 'count': did you mean 'counted'"):
        receptive_field(nn.Conv2d(3, 1, 3), statistics="count")


def pasted(x):
    canvas = x.new_zeros(1, 3, 12, 12)
    canvas[:, :, 2:10, 3:11] = x
    canvas[:, :, ::2] += F.pad(x, (2, 2))[:, :, :6]
    return F.relu(canvas, inplace=True)


def added_to_a_canvas_of_the_usual_device(x):
    canvas = torch.zeros(1, 3, 8, 8, dtype=x.dtype)
    return canvas.add_(F.avg_pool2d(x, 3, 1, 1))


def seen_through_a_view_made_before(x):
    canvas = torch.zeros_like(x)
    corner, rows = canvas[:, :, :4, :4], canvas.flatten(2)
    corner.copy_(F.max_pool2d(x, 2))
    canvas[:, 1] = x[:, 0]
    return rows.reshape(x.shape) * 2


def written_into_out(x):
    made = torch.empty_like(x)
    torch.add(x, x.roll(2, 3), out=made)
    return made


@pytest.mark.parametrize(
    "function",
    [pasted, added_to_a_canvas_of_the_usual_device, seen_through_a_view_made_before],
)
def test_writing_in_place_is_followed(function):
    assert verify_receptive_field(Op(function), (3, 8, 8)) == ()


def test_writing_into_out_is_followed():
    field = receptive_field(Op(written_into_out), (3, 8, 8))
    assert field.support(0, 5) == (0, 3, 1, 6)
    assert field.support(0, 0) == (0, 0, 1, 7)


def test_the_longest_part_that_sees_anything_continues():
    def shifted(x):
        rows = x[:, :, :2, ::3][..., :2].cumsum(2)
        return torch.cat([rows[..., :1], F.pad(rows, [1, 1, 2, -2])], 3)

    assert verify_receptive_field(nn.Sequential(nn.Conv2d(2, 2, 1), Op(shifted)), (2, 12, 8)) == ()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_corners_that_are_aligned_hit_pixels_exactly(mode):
    field = receptive_field(
        Op(lambda x: F.interpolate(x, (12, 11), mode=mode, align_corners=True)), (1, 16, 21)
    )
    assert field.support(11, 5) == (15, 10, 16, 11)


def test_a_known_index_is_followed_and_several_are_refused():
    class Kept(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("index", torch.tensor([5, 0, -1]))

        def forward(self, x):
            return x[:, :, self.index]

    assert receptive_field(Kept(), (3, 8, 8)).support(2, 1) == (7, 1, 8, 2)
    for index in ([7, 0], np.array([7, 0]), torch.tensor([7, 0]), [True, *[False] * 6, True]):
        field = receptive_field(Op(lambda x, index=index: x[:, :, index]), (3, 8, 8))
        assert (field.support(0, 1)[0], field.map_size) == ({True: 0}.get(index[0], 7), (2, 8))
    made = Op(lambda x: x[:, :, torch.tensor([7, 0], device=x.device)])
    assert receptive_field(made, (3, 8, 8)).support(0, 1) == (7, 1, 8, 2)
    with pytest.raises(UnknownOperationError, match="tensor of integers that the network"):
        receptive_field(Op(lambda x: x[:, :, [2, 1], [0, 1]]), (3, 8, 8))


def test_channels_last_maps_are_pooled_to_one_pixel():
    pooled = nn.Sequential(Op(lambda x: x.permute(0, 3, 1, 2)), nn.AdaptiveAvgPool2d(1))
    assert receptive_field(pooled, (4, 5, 3)).layers[-1].map_size == (1, 1)


def test_writing_through_a_view_that_is_not_followed_is_refused():
    def crossed(x):
        canvas = torch.zeros_like(x)
        canvas.transpose(2, 3).copy_(F.avg_pool2d(x, 3, 1, 1))
        return canvas

    with pytest.raises(UnknownOperationError, match=r"copy_ writes through aten.transpose.*clone"):
        receptive_field(Op(crossed), (3, 8, 8))


@pytest.mark.slow
def test_a_compiled_network_is_traced_as_what_was_compiled():
    network = nn.Conv2d(3, 1, 5)
    assert receptive_field(torch.compile(network), (16, 16)).size == (5, 5)


def test_attention_pools_and_tokens_see_the_whole_map():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 2, 2),
        nn.Flatten(2),
        Op(lambda x: x.mT),
        nn.TransformerEncoderLayer(8, 2, 8, batch_first=True),
        Op(lambda x: x.mT),
    )
    assert receptive_field(network, (3, 6, 8)).support(3) == (0, 0, 6, 8)
    assert verify_receptive_field(network, (3, 6, 8), indices=[(0,), (3,)]) == ()
