"""LeCam's penalty against its formula, by hand, and its moving averages."""

import pytest
import torch

from ganblocks.losses import LeCamPenalty, functional


def test_lecam_follows_its_averages():
    penalty = LeCamPenalty(decay=0.9)
    real, fake = torch.full((2, 1, 4, 4), 3.0), torch.full((2, 1, 4, 4), 1.0)

    def of(r, f):
        return penalty(lambda x: x, r, f).item()

    assert of(real, fake) == pytest.approx((3 - 1) ** 2 + (1 - 3) ** 2)
    # The averages move a tenth of the way: α_R to 3.1, α_F to 0.9.
    assert of(real + 1, fake - 1) == pytest.approx((4 - 0.9) ** 2 + (0 - 3.1) ** 2)
    anchors = {k: v.clone() for k, v in penalty.state_dict().items()}
    penalty.eval()
    of(real + 5, fake)
    assert all(torch.equal(anchors[k], v) for k, v in penalty.state_dict().items())


def test_lecam_on_one_side_is_the_authors_code():
    real, fake = (torch.tensor(x, dtype=torch.float64) for x in ([2.0, -1.0], [0.5, 1.5]))
    anchors = torch.tensor(1.0), torch.tensor(0.0)  # of real and of fake logits
    value = functional.lecam(real, fake, *anchors, one_sided=True).item()
    assert value == (2.0**2 + 0) / 2 + (0.5**2 + 0) / 2
    penalty = LeCamPenalty(one_sided=True)
    penalty(lambda x: x, torch.ones(4, 1), torch.zeros(4, 1))
    swapped = penalty.eval()(lambda x: x, torch.zeros(4, 1), torch.ones(4, 1))
    assert swapped.item() == 0  # both on the penalty's other side


def test_lecam_leaves_out_logits_that_are_not_finite():
    penalty = LeCamPenalty(decay=0.5)
    one = torch.ones(2, 1, 2, 2)
    for real, fake in [(one / 0, one), (one, one), (one, one * float("nan")), (3 * one, -one)]:
        penalty(lambda x: x, real, fake)
    assert (penalty.real_anchor, penalty.fake_anchor, penalty.calls) == (2, 0, 2)
