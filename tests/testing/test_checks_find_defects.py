"""Each check finds its planted defect, and passes the sound component."""

import planted_networks as n
import pytest
import torch
from planted_cases import PLANTED, SOUND
from torch import nn

from ganblocks import GENERATORS
from ganblocks.testing import ContractError, check_component, checks_of
from ganblocks.testing.component import checked_kinds


def ids(value):
    return getattr(value, "__name__", None)


def options_of(kind, check=""):
    if kind == "augmentation" and check == "gradients":
        return {"size": (3, 4)}  # where one is wrong, torch computes the whole Jacobian
    return {"batch": lambda: {"image": torch.rand(2, 3, 8, 8)}} if kind == "task" else {}


@pytest.mark.parametrize(("kind", "factory", "check", "message"), PLANTED, ids=ids)
def test_the_check_finds_the_defect(kind, factory, check, message):
    options = options_of(kind, check)
    with pytest.raises(ContractError) as caught:
        check_component(kind, factory, only=[check], **options)
    assert caught.value.check == check
    assert message in str(caught.value)
    assert checks_of(kind)[check] in str(caught.value)


@pytest.mark.parametrize(("kind", "factory"), SOUND, ids=ids)
def test_the_sound_twin_passes_all_but_the_spec_of_an_unregistered_class(kind, factory):
    only = [name for name in checks_of(kind) if name != "spec"]
    check_component(kind, factory, only=only, **options_of(kind))


def test_noise_that_is_asked_for_is_sound():
    check_component("generator", n.AlwaysNoisy, only=["eval_deterministic", "batch_independent"])


def labeled(batch, height, width):
    return torch.rand(batch, 4, height, width), torch.arange(batch)


def test_labels_stay_whole_numbers_and_belong_to_their_images():
    with pytest.raises(ContractError, match="at position 1 among other images, output differs"):
        check_component(
            "block", n.LabelsOfOthers, inputs=labeled, out_channels=4, only="batch_independent"
        )


def test_every_check_has_a_planted_defect():
    planted = {checks_of(kind)[check] for kind, _, check, _ in PLANTED}
    required = {line for kind in checked_kinds() for line in checks_of(kind).values()}
    assert required == planted


@pytest.fixture
def registered(monkeypatch):
    """Registers a class as a generator during a test."""
    monkeypatch.setattr(GENERATORS, "_entries", dict(GENERATORS._entries))
    return lambda cls: GENERATORS.register(cls.__name__.lower())(type(cls.__name__, (cls,), {}))


@pytest.mark.parametrize(
    ("cls", "change", "message"),
    [
        (n.ForgetsInSpec, lambda cls: cls().halved(), "size mismatch for first.weight"),
        (n.BehavesUnlikeItsSpec, lambda cls: cls().negated(), "builds behaves differently"),
        (n.NotJSON, None, "ValueError: Out of range"),
    ],
    ids=ids,
)
def test_a_spec_that_does_not_rebuild_the_component(registered, cls, change, message):
    made = registered(cls)
    with pytest.raises(ContractError) as caught:
        check_component("generator", lambda: change(made) if change else made(), only=["spec"])
    assert caught.value.check == "spec"
    assert message in str(caught.value)


def test_a_registered_class_gets_no_hint_to_register(registered):
    made = registered(n.TakesModule)
    with pytest.raises(ContractError, match="pass its name") as caught:
        check_component("generator", lambda: made(nn.ReLU()), only="spec")
    assert '@GENERATORS.register("...")' not in str(caught.value)


def test_a_name_that_was_given_to_another_class(registered):
    mine = registered(n.Plain)
    GENERATORS.register("plain", override=True)(type("Rival", (n.Plain,), {}))
    with pytest.raises(ContractError, match="builds a Rival"):
        check_component("generator", mine, only=["spec"])


def test_a_name_that_was_given_to_a_function_of_other_arguments(registered):
    mine = registered(n.Sized)

    def rival(channels, extra=1):
        return mine(channels)

    GENERATORS.register("sized", override=True)(rival)
    with pytest.raises(ContractError, match='whose spec is .*"extra": 1'):
        check_component("generator", mine, only=["spec"])


def test_a_registered_twin_passes(registered):
    check_component("generator", registered(n.Plain), only=["spec"])


def test_a_discriminator_that_does_not_know_its_sizes():
    with pytest.raises(ContractError, match="Plain has no min_input_size"):
        check_component("discriminator", n.Plain)


def test_the_callers_random_numbers_stay():
    state = torch.get_rng_state()
    check_component("generator", n.Plain, only=["shape", "deterministic"])
    assert torch.equal(torch.get_rng_state(), state)
