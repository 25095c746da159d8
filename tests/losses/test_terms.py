"""Terms of a player: those that a network computes itself, and how terms are joined and traced."""

import json

import pytest
import torch

from ganblocks import Objective
from ganblocks.autograd_graph import reaches
from ganblocks.errors import OptionError
from ganblocks.losses import LossTerms

KL = {"kl": {"type": "network", "weight": [[0, 0.0], [10, 2.0]], "start": 3}, "l1": "l1"}


def terms_at(step, network_terms, terms=KL):
    """Returns the generator's terms for images of ones, to be zeros."""
    fake = torch.ones(1, 3, 4, 4, requires_grad=True)
    return Objective(terms).generator(
        fake=fake, target=torch.zeros_like(fake), network_terms=network_terms, step=step
    )


@pytest.mark.parametrize(("step", "weight"), [(3, 0.6), (5, 1.0), (99, 2.0)])
def test_a_networks_term_has_a_weight_and_is_logged(step, weight):
    kl = torch.tensor(7.0, requires_grad=True)
    terms = terms_at(step, {"kl": kl})
    assert list(terms.raw) == ["kl", "l1"]
    assert terms.raw["kl"] is kl
    terms.total().backward()
    assert terms.total().item() == pytest.approx(1 + 7 * weight)
    assert kl.grad.item() == pytest.approx(weight)


def test_before_its_start_a_networks_term_does_not_count():
    terms = terms_at(2, {"kl": torch.tensor(float("inf"))})
    assert list(terms.raw) == ["l1"]
    assert terms.total() == 1


@pytest.mark.parametrize("given", [None, {}, {"kl": 1, "commitment": 1}, {"comitment": 1}])
def test_terms_of_network_and_objective_must_be_the_same(given):
    returned = {name: torch.tensor(1.0, requires_grad=True) for name in given or {}}
    with pytest.raises(OptionError, match=r"returned the terms \[.*but the objective has \['kl'\]"):
        terms_at(5, returned)
    with pytest.raises(OptionError, match=r"\['kl'\], but the objective has \[\] of"):
        terms_at(5, {"kl": torch.tensor(1.0)}, {"l1": "l1"})


def test_a_networks_term_needs_a_gradient_and_no_shape():
    with pytest.raises(OptionError, match="the term 'kl' has no gradient"):
        terms_at(5, {"kl": torch.tensor(1.0)})
    with pytest.raises(OptionError, match=r"the term 'kl' has shape \(2,\)"):
        terms_at(5, {"kl": torch.ones(2, requires_grad=True)})


def test_a_term_of_weight_zero_needs_no_gradient():
    """As the KL divergence of an encoder that is frozen, which the network still returns."""
    terms = terms_at(
        0, {"kl": torch.tensor(1.0)}, {"kl": {"type": "network", "weight": 0}, "l1": "l1"}
    )
    assert terms.raw["kl"] == terms.total() == 1


def test_the_spec_of_a_networks_term():
    objective = Objective(KL)
    assert objective.spec["terms"]["kl"] == KL["kl"]
    assert Objective(**json.loads(json.dumps(objective.spec))).spec == objective.spec
    assert objective.step_dependent_terms == ["kl"]
    with pytest.raises(OptionError, match="term 'kl': unknown option 'wieght': did you mean 'we"):
        Objective({"kl": {"type": "network", "wieght": 1e-6}})
    with pytest.raises(OptionError, match="'netwrok'.*did you mean 'network'"):
        Objective({"kl": "netwrok"})


def test_terms_of_two_losses_become_one():
    x = torch.tensor(3.0, requires_grad=True)
    both, part = LossTerms(), LossTerms()
    part.add("l1", 2 * x, weight=10)
    part.add("r1", x, interval=4)
    part.add("total_variation", x, batch_reduction="sum")
    part.metrics["d_real"], part.gradients["grad_image"] = x.detach(), x
    for suffix in ("_a", "_b"):
        both.update(part, suffix)
    raw = {name: value.item() for name, value in both.raw.items()}
    assert raw == {f"{name}_{x}": value.item() for x in "ab" for name, value in part.raw.items()}
    for micro_batches in (1, 2):
        assert both.total(micro_batches) == 2 * part.total(micro_batches)
    assert both.total(include_lazy=False) == 2 * (60 + 3)
    assert both.lazy == {"r1_a", "r1_b"}
    assert both.summed == {"total_variation_a", "total_variation_b"}
    assert both.metrics.keys() == {"d_real_a", "d_real_b"}
    assert both.gradients == {"grad_image_a": x, "grad_image_b": x}
    assert list(part.raw) == ["l1", "r1", "total_variation"]


def test_what_a_graph_reaches():
    leaf, other = (torch.ones(2, requires_grad=True) for _ in range(2))
    made = leaf * 2
    nested = {"of": [made.sum()], "text": "x"}
    assert reaches(made.sum(), made)
    assert reaches(made.sum(), leaf)
    assert reaches(nested, leaf)
    for value, tensor in [
        (made.detach(), leaf),
        (made.sum(), other),
        ((leaf * 2).sum(), made),
        (torch.ones(()), torch.ones(())),
        ({}, leaf),
    ]:
        assert not reaches(value, tensor)
