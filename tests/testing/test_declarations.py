"""Declared exceptions, and the arguments of check_component."""

import planted_networks as n
import planted_parts as p
import pytest
import torch
from torch import nn

from ganblocks import VanillaLoss
from ganblocks.blocks import NormalInitializer
from ganblocks.errors import OptionError
from ganblocks.testing import ContractError, check_component, checks_of


class Declares(n.BranchesOnValues):
    cannot = {"export": "its sign depends on the image"}  # noqa: RUF012


class DeclaresInAProperty(n.DropoutInEval):
    @property
    def cannot(self):
        return {"eval_deterministic": "its noise stays on"}


class DeclaresWhatItCan(n.Plain):
    cannot = {"export": "loops are hard"}  # noqa: RUF012


class DeclaresWhatIsNoCheck(n.Plain):
    cannot = {"exprot": "loops are hard"}  # noqa: RUF012


class DeclaresWithoutReason(n.BranchesOnValues):
    cannot = {"export": " "}  # noqa: RUF012


def declares(value):
    return type("Declares", (n.Plain,), {"cannot": value})


@pytest.mark.parametrize("component", [Declares, DeclaresInAProperty])
def test_a_declared_check_may_fail(component):
    check_component("generator", component, only=["shape", "export", "eval_deterministic"])


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (DeclaresWhatItCan, r"cannot pass 'export' \(loops are hard\), but it can"),
        (DeclaresWhatIsNoCheck, "unknown check 'exprot': did you mean 'export'"),
        (DeclaresWithoutReason, "write the reason"),
        (declares({"export": None}), "write the reason"),
        (declares(["export"]), r"cannot is \['export'\]: write \{\"check\": \"reason\"\}"),
        (declares({"export"}), r"write \{\"check\": \"reason\"\}"),
        (declares("export"), r"cannot is 'export': write"),
        (declares(None), "cannot is None: write"),
    ],
)
def test_a_wrong_declaration(component, message):
    with pytest.raises(ContractError, match=message):
        check_component("generator", component, only=["export"])


def test_a_declaration_covers_its_own_check_alone():
    with pytest.raises(ContractError, match="gradients"):
        check_component("generator", type("Two", (Declares, n.UnusedBias), {}), only=["gradients"])


@pytest.mark.parametrize(
    "kind", ["initializer", "initializers", "INITIALIZERS", "Initializer"], ids=str
)
def test_a_kind_in_any_spelling(kind):
    check_component(kind, NormalInitializer)


@pytest.mark.parametrize("kind", ["adversarial loss", "adversarial_loss", "adversarial losses"])
def test_a_kind_of_two_words(kind):
    assert "no_saturation" in checks_of(kind)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_component("genrator", n.Plain), "did you mean 'generator'"),
        (lambda: checks_of("discriminater"), "did you mean 'discriminator'"),
        (lambda: check_component("generator", n.Plain, sizes=1), "did you mean 'size'"),
        (lambda: check_component("generator", n.Plain, only=["exports"]), "did you mean 'export'"),
        (lambda: check_component("norm", p.Halves), "write channels="),
        (
            lambda: check_component("initializer", NormalInitializer, backend="inductor"),
            "unknown option of initializers 'backend'",
        ),
        (lambda: check_component(None, n.Plain), "unknown kind of component None"),
    ],
    ids=range(7),
)
def test_a_wrong_argument_is_explained(call, message):
    with pytest.raises(OptionError, match=message):
        call()


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("generator", n.Plain()),
        ("activation", nn.ReLU()),
        ("initializer", NormalInitializer()),
        ("adversarial loss", VanillaLoss()),
        ("dataset", None),
    ],
)
def test_a_component_is_no_factory(kind, made):
    with pytest.raises(OptionError, match=r"pass a factory, such as `lambda: MyGenerator\(\)`"):
        check_component(kind, made)


@pytest.mark.parametrize(("kind", "made"), [("generator", n.Plain()), ("activation", nn.ReLU())])
def test_a_factory_builds_a_fresh_one(kind, made):
    with pytest.raises(OptionError, match="the same object at every call"):
        check_component(kind, lambda: made, only="shape")


@pytest.mark.parametrize("kind", ["generator", "discriminator", "activation"])
def test_a_factory_that_fails(kind):
    with pytest.raises(ContractError, match="the factory failed: ZeroDivisionError"):
        check_component(kind, lambda: 1 / 0)


@pytest.mark.parametrize("only", [(), [], iter(())])
def test_to_check_nothing_is_refused(only):
    with pytest.raises(OptionError, match=r"checks nothing: .* 'shape', 'any_size'"):
        check_component("generator", n.Plain, only=only)


def test_one_check_is_a_string():
    check_component("generator", n.Plain, only="shape")
    with pytest.raises(ContractError, match="fails the check 'shape'"):
        check_component("generator", n.GivesNaN, only="shape")


def test_checks_leave_the_generators_of_gpus_alone(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    check_component("initializer", NormalInitializer)
    assert not seeds


class JudgesTheWholeImage(nn.Conv2d):
    min_input_size = (4, 4)

    def output_size(self, height, width):
        return 1, 1


def test_the_search_for_a_size_ends():
    with pytest.raises(ContractError, match=r"write size=\(H, W\)"):
        check_component("discriminator", lambda: JudgesTheWholeImage(3, 1, 4))


def test_a_contract_error_is_an_assertion():
    assert issubclass(ContractError, AssertionError)


def test_every_check_states_its_requirement():
    for name, line in checks_of("discriminator").items():
        assert line.endswith("."), name
        assert len(line) > 20, name
