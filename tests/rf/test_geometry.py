"""The chain calculator against gradients: which pixels really reach a logit."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from ganblocks import ReceptiveField
from ganblocks.rf.geometry import (
    min_input_size_of_chain,
    output_size_of_chain,
    receptive_field_of_chain,
)

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
    field = receptive_field_of_chain(convs)
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
    with pytest.raises(ValueError, match="zip"):
        ReceptiveField((70, 70), (8, 8), (23, 23)).box(1)
