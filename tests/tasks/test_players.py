"""Who moves when, who gets whose graph, and what is said of a task that is none."""

import copy

import pytest
import torch
import torch.nn.functional as F
from games import SPECS, batch as batch_of, build
from torch import nn

from ganblocks import Updater
from ganblocks.errors import GanBlocksError, OptionError
from ganblocks.losses import LossTerms
from ganblocks.tasks import Player, Task

SGD = {"type": "sgd", "lr": 0.1}


class Told(Task):
    """A task of any networks, whose loss of a player is a function: (task, generated) → terms."""

    def __init__(self, networks, players, losses, make):
        super().__init__()
        for name, network in networks.items():
            setattr(self, name, network)
        self.players = players
        self.losses, self.make = losses, make
        self.given = {}
        self.generated = 0

    def generate(self, batch):
        self.generated += 1
        return self.make(self, batch["x"])

    def loss(self, player, batch, generated):
        self.given[player] = generated
        return self.losses[player](self, generated)


def layers(*names, seed=0):
    torch.manual_seed(seed)
    return {name: nn.Linear(3, 3).double() for name in names}


def batch():
    return {"x": torch.randn(4, 3, dtype=torch.float64)}


def weights(task, name):
    return copy.deepcopy(task.network(name).state_dict())


def same(ours, theirs):
    return all(torch.equal(ours[key], value) for key, value in theirs.items())


def gan(**players):
    players = {"discriminator": Player("d", optimizer="adam"), **players}
    losses = {
        "discriminator": lambda task, out: {"real": task.d(out["fake"]).mean()},
        "generator": lambda task, out: {"gan": -task.d(out["fake"]).mean()},
        "encoder": lambda task, out: {"code": task.e(out["fake"]).square().mean()},
    }
    return Told(layers("g", "d", "e"), players, losses, lambda task, x: {"fake": task.g(x)})


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("interval", [1, 2, 4])
@pytest.mark.parametrize("kind", ["unpaired", "unconditional"])
def test_a_lazy_penalty_counts_the_updates_of_its_discriminator(kind, interval, start):
    """So its mean strength does not depend on the steps that the player skips."""
    terms = {"adversarial": "hinge", "r1": {"type": "r1", "interval": 4, "weight": 1}}
    task = build(kind, objective={"terms": terms})
    networks = task.players["discriminator"].networks
    task.players["discriminator"] = Player(*networks, interval=interval, start=start)
    updater, penalized = Updater(task), []
    for _ in range(start + 8 * interval):
        row = updater.step(batch_of(kind, dtype=torch.float32))
        if "skipped_d" in row:
            penalized.append(any("r1" in name for name in row))
    assert penalized == 2 * [True, False, False, False]


def test_a_player_moves_at_its_steps_alone():
    task = gan(generator=Player("g", interval=3, start=2))
    updater = Updater(task)
    moved = []
    for step in range(9):
        before = {name: weights(task, name) for name in ("g", "d")}
        row = updater.step(batch())
        assert task.step == step
        assert not same(weights(task, "d"), before["d"])
        moved.append(not same(weights(task, "g"), before["g"]))
        assert ("loss_g" in row) == ("skipped_g" in row) == moved[-1]
    assert moved == [step in (2, 5, 8) for step in range(9)]
    assert len(updater.optimizers["generator"].state) == 2
    assert all(entry["step"] == 3 for entry in updater.optimizers["generator"].state.values())


def test_no_graph_is_built_for_players_that_rest():
    needed = []

    def generate(task, x):
        needed.append((task.g.weight.requires_grad, task.d.weight.requires_grad))
        return {"fake": task.g(x)}

    task = gan(generator=Player("g", start=1))
    task.make = generate
    updater = Updater(task)
    for _ in range(2):
        updater.step(batch())
    assert needed == [(False, True), (True, True)]
    assert task.g.weight.requires_grad  # as it was


def test_a_step_in_which_nobody_moves():
    task = gan(generator=Player("g", start=3))
    task.players["discriminator"] = Player("d", start=3)
    updater = Updater(task)
    before = copy.deepcopy(task.state_dict())
    assert updater.step(batch()) == {}
    assert same(task.state_dict(), before)
    assert (updater.steps, task.generated) == (1, 0)


def test_a_third_player():
    task = gan(generator=Player("g"), encoder=Player("e", optimizer=SGD))
    updater = Updater(task, clip_norm=0.5)
    before = {name: weights(task, name) for name in ("g", "d", "e")}
    row = updater.step(batch())
    assert {"loss_d", "loss_g", "loss_e", "loss_e_code", "skipped_e"} < set(row)
    assert updater.learning_rates().keys() == {"lr_d", "lr_g", "lr_e"}
    assert not any(same(weights(task, name), before[name]) for name in before)


def test_short_names_are_the_shortest_that_differ():
    losses = {name: (lambda task, out: {"l": task.g(out["fake"]).mean()}) for name in ("da", "d")}
    task = Told(
        layers("g"),
        {"da": Player("g"), "d": Player("g")},
        losses,
        lambda task, x: {"fake": x},
    )
    assert {"loss_da_l", "loss_d_l"} < set(Updater(task).step(batch()))


def autoencoder(optimizer=SGD):
    """Both networks make one image, and each player minimizes its distance."""
    distance = {p: (lambda task, out: {"l2": out["again"].square().mean()}) for p in ("e", "d")}
    players = {p: Player(p, optimizer=optimizer) for p in ("e", "d")}
    return Told(layers("e", "d"), players, distance, lambda task, x: {"again": task.d(task.e(x))})


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_players_of_one_graph(accumulate):
    """The second sees what the first made with the weights that it has after its move."""
    task = autoencoder()
    e, d = copy.deepcopy(task.e), copy.deepcopy(task.d)
    updater = Updater(task, accumulate=accumulate)
    for step in range(3):
        torch.manual_seed(step)
        given = batch()
        updater.step(given)
        for network in (e, d):
            gradients = torch.autograd.grad(d(e(given["x"])).square().mean(), network.parameters())
            with torch.no_grad():
                for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                    parameter -= 0.1 * gradient
    for ours, theirs in [(task.e, e), (task.d, d)]:
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)
    # Whole, the first player shares what was made; parts make it anew for each.
    assert task.generated == 3 * 2 * accumulate


def test_what_was_made_is_detached_unless_the_players_networks_made_it():
    players = {"d": Player("d"), "first": Player("a"), "second": Player("b")}
    losses = {
        "d": lambda task, out: {"d": task.d(out["of_a"] + out["lists"]["b"][0]).mean()},
        "first": lambda task, out: {"l": out["of_a"].mean()},
        "second": lambda task, out: {"l": out["lists"]["b"][0].mean()},
    }

    def generate(task, x):
        return {"of_a": task.a(x), "lists": {"b": [task.b(x)]}, "both": task.a(task.b(x)), "of": x}

    task = Told(layers("a", "b", "d"), players, losses, generate)
    Updater(task).step(batch())
    takes = {
        player: (
            given["of_a"].requires_grad,
            given["lists"]["b"][0].requires_grad,
            given["both"].requires_grad,
            given["of"].requires_grad,
        )
        for player, given in task.given.items()
    }
    assert takes == {
        "d": (False, False, False, False),
        "first": (True, False, True, False),
        "second": (False, True, True, False),
    }


def test_other_players_networks_take_no_gradient():
    task = gan(generator=Player("g", optimizer=SGD))
    updater = Updater(task)
    after_d = {}
    step = updater.optimizers["discriminator"].step

    def spy(*args, **kwargs):
        after_d.update({n: p.grad.clone() for n, p in task.d.named_parameters()})
        return step(*args, **kwargs)

    updater.optimizers["discriminator"].step = spy
    updater.step(batch())
    for name, parameter in task.d.named_parameters():
        assert torch.equal(parameter.grad, after_d[name])
        assert parameter.requires_grad


class Coder(nn.Linear):
    """Used by methods of its own alone."""

    def encode(self, x):
        return F.linear(x, self.weight)

    def forward(self, x):
        raise AssertionError


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_any_method_of_a_network_runs_under_autocast(precision, dtype):
    seen = []

    def generate(task, x):
        code = task.g.encode(x.float())
        seen.append(code.dtype)
        return {"code": code}

    def loss(task, out):
        seen.append(task.g.encode(out["code"].float()).dtype)
        return {"l": out["code"].float().square().mean()}

    task = Told({"g": Coder(3, 3)}, {"g": Player("g", optimizer=SGD)}, {"g": loss}, generate)
    row = Updater(task, precision=precision).step(batch())
    assert seen == [dtype, dtype]
    assert row["grad_norm_g"] > 0
    assert task.g.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("kind", SPECS)
def test_keys_of_the_state_are_those_of_the_networks(kind):
    task = build(kind)
    keys = {f"{name}.{key}" for name in task.networks() for key in task.network(name).state_dict()}
    updater = Updater(task)
    updater.step(batch_of(kind, dtype=torch.float32))
    assert set(task.state_dict()) == keys
    updater.compile(backend="eager")
    assert set(task.state_dict()) == keys


def returning(value):
    task = gan(generator=Player("g"))
    task.losses["discriminator"] = lambda task, out: value
    return task


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (lambda: Told(layers("g"), {}, {}, None), r"Told has no players: write players = \{"),
        (lambda: gan(generator=Player("G")), "Told has no network 'G': it has d, e, and g|'G'"),
        (lambda: gan(generator=Player("losses")), "no network 'losses'"),
        (lambda: returning(0.5), "a task's loss returned float: return LossTerms or a"),
        (lambda: returning([torch.ones(())]), "a task's loss returned list"),
        (lambda: returning({"l": 0.5}), "the term 'l' is 0.5"),
        (lambda: returning({"l": torch.ones(2)}), r"the term 'l' has shape \(2,\)"),
        (lambda: gan(generator=Player("g", optimizer="adan")), "did you mean 'adam'"),
        (
            lambda: gan(generator=Player("g", optimizer=lambda p: 3)),
            "returned 3 for the optimizer",
        ),
    ],
)
def test_what_is_no_task(task, message):
    with pytest.raises(GanBlocksError, match=message):
        Updater(task()).step(batch())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Player(), "name attributes of the task"),
        (lambda: Player(nn.Linear(1, 1)), "name attributes of the task"),
        (lambda: Player("g", interval=0), "interval of a player is 0"),
        (lambda: Player("g", start=-1), "start of a player is -1"),
    ],
)
def test_what_is_no_player(make, message):
    with pytest.raises(OptionError, match=message):
        make()


def test_a_network_without_parameters_cannot_play():
    task = Told({"g": nn.Tanh()}, {"g": Player("g")}, {}, None)
    with pytest.raises(OptionError, match="a player have none"):
        Updater(task)


def test_players_with_one_metric_are_told_to_name_it_apart():
    def loss(task, out):
        terms = LossTerms.of({"l": (task.a(out["x"]) + task.b(out["x"])).mean()})
        terms.metrics["accuracy"] = torch.tensor(0.8)
        return terms

    players = {"first": Player("a"), "second": Player("b")}
    losses = dict.fromkeys(players, loss)
    task = Told(layers("a", "b"), players, losses, lambda task, x: {"x": x})
    with pytest.raises(OptionError, match="two players log the metric 'accuracy'"):
        Updater(task).step(batch())


def test_a_key_error_without_a_key_stays_what_it_is():
    def loss(task, out):
        raise KeyError

    task = Told(layers("a"), {"one": Player("a")}, {"one": loss}, lambda task, x: {"x": x})
    with pytest.raises(KeyError):
        Updater(task).step(batch())
