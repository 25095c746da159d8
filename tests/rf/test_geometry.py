"""The chain calculator against gradients: which pixels really reach a logit."""

import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from torch import nn

from ganblocks import receptive_field
from ganblocks.errors import OptionError
from ganblocks.rf import ReceptiveField
from ganblocks.rf.chain import min_input_size_of_chain, output_size_of_chain

conv = st.tuples(
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
)


@settings(deadline=None, max_examples=60)
@given(chain=st.lists(conv, min_size=1, max_size=4))
def test_the_box_is_where_the_gradient_is(chain):
    convs = [nn.Conv2d(1, 1, k, s, p, d, bias=False) for k, s, p, d in chain]
    for each in convs:
        nn.init.ones_(each.weight)  # positive weights: nothing cancels
    height, width = min_input_size_of_chain(convs)
    height, width = height + 30, width + 30
    image = torch.zeros(1, 1, height, width, requires_grad=True)
    logits = nn.Sequential(*convs)(image)
    assert logits.shape[2:] == output_size_of_chain(convs, height, width)
    i, j = logits.shape[2] // 2, logits.shape[3] // 2
    field = receptive_field(nn.Sequential(*convs), (1, height, width))
    assert field.map_size == logits.shape[2:]
    top, left, bottom, right = field.box(i, j)
    assume(top >= 0 and left >= 0 and bottom <= height and right <= width)
    logits[0, 0, i, j].backward()
    rows, columns = image.grad[0, 0].nonzero().unbind(1)
    assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (
        top,
        left,
        bottom,
        right,
    )
    assert field.center(i, j) == ((top + bottom - 1) / 2, (left + right - 1) / 2)


def test_a_box_needs_an_index_for_each_axis():
    with pytest.raises(OptionError, match=r"index \(1,\): write 2 numbers"):
        ReceptiveField((70, 70), (8, 8), (23, 23)).box(1)


@pytest.mark.parametrize("ask", ["support(0, 0)", "output_size(8, 8)", "table()", "map_size"])
def test_a_field_written_by_hand_knows_of_no_network(ask):
    field = ReceptiveField((70, 70), (8, 8), (23, 23))
    with pytest.raises(OptionError, match=r"constructed directly.*receptive_field\(network"):
        eval(f"field.{ask}", {"field": field})
