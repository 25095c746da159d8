"""What a step returns, in which precision it runs, and how deep it is."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from tiny import assert_equal, batch, tiny_updater
from torch import nn

import ganblocks
from ganblocks import Objective, Player, Task, Updater
from ganblocks.errors import DataError, OptionError, RunError, ShapeError
from ganblocks.losses.functional import adversarial
from ganblocks.tasks.base import frozen
from ganblocks.training import dry_run, find_nonfinite

PACKAGE = str(Path(ganblocks.__file__).parent)


def test_scalars_stay_detached():
    for value in tiny_updater().step(batch()).values():
        assert not value.requires_grad
        assert value.ndim == 0


def test_frozen_restores_only_what_was_trained():
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)

    def fail():
        with frozen(network):
            assert not network.weight.requires_grad
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert network.weight.requires_grad
    assert not network.bias.requires_grad


class Sharing(Task):
    """Of one layer: x + y x, with the layer's weight x in both networks and y in one."""

    def __init__(self, players):
        super().__init__()
        layer, last = (nn.Conv2d(1, 1, 1, bias=False) for _ in range(2))
        self.first, self.second = nn.Sequential(layer), nn.Sequential(layer, last)
        self.players = players
        nn.init.constant_(layer.weight, 4.0)
        nn.init.constant_(last.weight, 1.0)

    def generate(self, batch):
        return {"sum": self.first(batch["one"]) + self.second(batch["one"])}

    def loss(self, player, batch, generated):
        return {"sum": generated["sum"].mean()}


@pytest.mark.parametrize(
    ("networks", "layer", "last"),
    [([("first", "second")], 2.0, -3.0), ([("first",), ("second",)], 0.0, -1.0)],
)
def test_a_layer_that_networks_share_is_updated_once_by_each_player(networks, layer, last):
    sgd = {"type": "sgd", "lr": 1.0}
    players = {str(n): Player(*names, optimizer=sgd) for n, names in enumerate(networks)}
    task = Sharing(players)
    updater = Updater(task)
    updater.step({"one": torch.ones(2, 1, 3, 3)})
    assert [p.item() for p in task.second.parameters()] == [layer, last]
    updater.load_state_dict(updater.state_dict())


def test_a_step_that_raises_leaves_every_network_able_to_learn():
    updater = tiny_updater()
    small = {key: x[..., 1:] for key, x in batch().items() if key == "target"}
    with pytest.raises(ShapeError):
        updater.step({**batch(), **small})
    assert all(p.requires_grad for p in updater.task.parameters())
    assert updater.steps == 0


def test_bf16_keeps_losses_in_fp32_and_trains():
    updater = tiny_updater(precision="bf16")
    row = updater.step(batch())
    assert {value.dtype for value in row.values()} == {torch.float32}
    assert all(p.grad.dtype == torch.float32 for p in updater.task.generator.parameters())
    exact = tiny_updater().step(batch())
    assert row["loss_g_l1"].item() == pytest.approx(exact["loss_g_l1"].item(), rel=0.05)


def test_at_most_five_frames_lie_between_a_step_and_a_formula(monkeypatch):
    depths = []
    formulas = ("vanilla_discriminator", "vanilla_generator")
    for name in formulas:
        plain = getattr(adversarial, name)

        def measured(*args, plain=plain, **kwargs):
            frame, names = sys._getframe(1), []
            while frame.f_code is not ganblocks.Updater.step.__code__:
                if frame.f_code.co_filename.startswith(PACKAGE):
                    names.append(frame.f_code.co_qualname)
                frame = frame.f_back
            depths.append(names)
            return plain(*args, **kwargs)

        monkeypatch.setattr(ganblocks.losses.functional, name, measured)
    tiny_updater().step(batch())
    assert len(depths) == len(formulas)
    for names in depths:
        assert len(names) <= 5, names


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's tracer's own
@pytest.mark.slow
def test_compiled_networks_take_a_gradient_penalty():
    plain = tiny_updater(objective=Objective({"a": "hinge", "r1": "r1"}))
    compiled = tiny_updater(objective=Objective({"a": "hinge", "r1": "r1"}))
    compiled.compile(backend="aot_eager")
    assert compiled.task.state_dict().keys() == plain.task.state_dict().keys()
    rows = []
    for updater in (plain, compiled):
        torch.manual_seed(1)
        rows.append(updater.step(batch()))
    for name in ("loss_d_r1", "loss_d", "grad_norm_d"):
        assert rows[1][name].item() == pytest.approx(rows[0][name].item(), rel=1e-4), name
    assert rows[1]["skipped_d"] == rows[1]["skipped_g"] == 0


@pytest.mark.parametrize("call", ["dry_run", "find_nonfinite", "preview"])
def test_looking_at_a_task_changes_nothing_of_the_training(call):
    updater = tiny_updater(ema=0.9, pool_size=2, augment="diff_augment")
    updater.step(batch())
    before = copy.deepcopy(updater.state_dict())
    grads = [p.grad.clone() for p in updater.task.parameters() if p.grad is not None]
    if call == "dry_run":
        dry_run(updater, {key: x[0] for key, x in batch().items()})
    elif call == "find_nonfinite":
        find_nonfinite(updater.task, batch())
    else:
        twin = updater.inference_task()
        with torch.no_grad(), torch.random.fork_rng():
            twin.preview(batch())
        assert not twin.training
        assert updater.task.training
    assert_equal(updater.state_dict(), before)
    now = [p.grad for p in updater.task.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(now, grads, strict=True))


def test_a_network_that_cannot_be_copied_is_named_at_once():
    class Held(nn.Conv2d):
        def __deepcopy__(self, memo):
            raise TypeError("held elsewhere")

    updater, says = tiny_updater(generator=Held(3, 3, 1)), "^PairedTranslation cannot be copied"
    with pytest.raises(OptionError, match=says):
        dry_run(updater, {key: x[0] for key, x in batch().items()})
    with pytest.raises(OptionError, match=says):
        find_nonfinite(updater.task, batch())
    assert updater.step(batch())["skipped_g"] == 0


def test_averages_and_states_without_one_do_not_mix():
    with_ema, without = tiny_updater(ema=0.9), tiny_updater()
    with pytest.raises(RunError, match="lacks 'generator' in averages"):
        with_ema.load_state_dict(without.state_dict())
    with pytest.raises(RunError, match="has 'generator' in averages"):
        without.load_state_dict(with_ema.state_dict())
    other = tiny_updater(seed=3, ema=0.9)
    other.load_state_dict(with_ema.state_dict())
    pairs = zip(
        other.inference_network("generator").parameters(),
        with_ema.averages["generator"].network.parameters(),
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("key", ["source", "target"])
def test_a_key_that_the_batch_lacks_is_named(key):
    updater, pairs = tiny_updater(), batch()
    del pairs[key]
    with pytest.raises(DataError, match=rf"reads batch\['{key}'\], but the batch has .*'name'"):
        updater.step(pairs)
    updater.step(batch())
