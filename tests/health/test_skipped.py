"""Steps that left a player as it was: a problem is reported once, and fp16's search is none."""

import json
import math
from typing import ClassVar

import pytest
import torch
from torch import nn

from ganblocks import RunFolder, TrainOptions, Updater, fit
from ganblocks.errors import HealthWarning
from ganblocks.health.skipped import MOST_OVERFLOWS, STUCK, SkippedSteps
from ganblocks.tasks import Player, Task


def figures(**values):
    return {name: torch.tensor(float(value)) for name, value in values.items()}


def found(steps, first, seen):
    """Lets the steps see figures, one after the other, and returns (step, name) of the findings."""
    for step, one in enumerate(seen, first):
        steps.add(step, one, ["facade 3", "facade 8"])
    return [(finding.step, finding.name) for finding in steps.findings()]


GOOD = figures(loss_d=0.5, loss_g=1.0, skipped_d=0, skipped_g=0)
BAD = figures(loss_d=0.5, loss_g=math.nan, skipped_d=0, skipped_g=1)
OVERFLOW = figures(loss_d=0.5, loss_g=1.0, skipped_d=0, skipped_g=1)


def test_the_first_skipped_step_is_reported_once():
    steps = SkippedSteps(scaled=False)
    assert found(steps, 1, [GOOD] * 9) == []
    assert found(steps, 10, [GOOD, BAD, BAD, GOOD]) == [(11, "not-finite")]
    assert found(steps, 14, [BAD, GOOD]) == []
    assert steps.findings() == []


def test_the_message_names_the_term_the_player_the_samples_and_what_to_do():
    steps = SkippedSteps(scaled=False)
    steps.add(7, BAD, ["facade 3", "facade 8"])
    [finding] = steps.findings()
    assert finding.message.startswith("loss_g was not finite (samples: facade 3, facade 8).")
    for part in (
        "(skipped_g)",
        "find_nonfinite(task, batch)",
        "lower the optimizer's `lr`",
        "clip_norm=1",
    ):
        assert part in finding.message
    assert "fp16" not in finding.message
    steps = SkippedSteps(scaled=False)
    steps.add(7, OVERFLOW, [])
    assert steps.findings()[0].message.startswith("a gradient was not finite. ")


def test_the_search_for_a_scale_is_no_problem():
    steps = SkippedSteps(scaled=True)
    assert found(steps, 1, [OVERFLOW] * MOST_OVERFLOWS + [GOOD]) == []
    assert found(steps, 100, [OVERFLOW, GOOD] * MOST_OVERFLOWS) == []
    assert found(steps, 200, [OVERFLOW] * (MOST_OVERFLOWS + 1)) == [(224, "not-finite")]
    steps = SkippedSteps(scaled=True)
    steps.add(1, BAD, [])
    [finding] = steps.findings()
    assert 'instead of "fp16"' in finding.message


def test_a_player_that_moves_no_more_is_stuck_once():
    steps = SkippedSteps(scaled=False)
    seen = found(steps, 1, [BAD] * (STUCK - 1) + [GOOD] + [BAD] * (STUCK - 1))
    assert seen == [(1, "not-finite")]
    assert found(steps, 2 * STUCK, [BAD]) == [(2 * STUCK, "stuck")]
    assert found(steps, 2 * STUCK + 1, [BAD] * 2 * STUCK) == []


def test_players_are_counted_apart_and_only_when_they_are_due():
    steps = SkippedSteps(scaled=False)
    in_turn = [figures(skipped_d=1, skipped_g=0), figures(skipped_d=0, skipped_g=1)] * STUCK
    assert found(steps, 1, in_turn) == [(1, "not-finite")]
    # g is due at every fifth step, and d in between: g is stuck nevertheless.
    seen = [figures(skipped_g=1) if step % 5 == 0 else figures(skipped_d=0) for step in range(300)]
    assert found(steps, 1000, seen) == [(1000 + 5 * (STUCK - 2), "stuck")]
    assert found(steps, 2000, [{}, {}]) == []


class Fit(Task):
    """A constant learns a number, which one of the samples has not."""

    players: ClassVar = {"generator": Player("constant", optimizer="sgd")}

    def __init__(self, weight=1.0):
        super().__init__()
        self.constant = nn.Linear(1, 1, bias=False)
        self.weight = weight

    def generate(self, batch):
        return {"fake": self.constant(torch.ones_like(batch["value"]))}

    def loss(self, player, batch, made):
        return {"distance": self.weight * (made["fake"].float() - batch["value"]).square().mean()}


class Values:
    """One number a sample; that of sample 5 is `sixth`."""

    def __init__(self, sixth=0.5):
        self.values = [0.5, 0.5, 0.5, 0.5, 0.5, sixth]

    def __len__(self):
        return 6

    def __getitem__(self, key):
        index = key[1] if isinstance(key, tuple) else key
        return {"value": torch.tensor([self.values[index]]), "name": f"number {index}"}


def trained(folder, sixth, **options):
    run = RunFolder.create(folder)
    options = TrainOptions(
        device="cpu", progress=False, log_every=3, schedule="constant", **options
    )
    return fit(Fit(), Values(sixth), Values(), run, options), run


def test_fit_reports_a_sample_that_is_not_finite_and_leaves_the_weights(tmp_path):
    with pytest.warns(HealthWarning, match=r"step \d+: loss_g.*samples: number 5") as warned:
        updater, run = trained(tmp_path / "run", math.nan, epochs=3)
    assert len(warned) == 1
    lines = run.health.read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["not-finite"]
    assert updater.task.constant.weight.isfinite().all()


def test_fit_reports_a_training_that_moves_nothing(tmp_path):
    class Nothing(Values):
        def __getitem__(self, key):
            return {**super().__getitem__(key), "value": torch.tensor([math.inf])}

    run = RunFolder.create(tmp_path / "run")
    options = TrainOptions(device="cpu", progress=False, epochs=20)
    with pytest.warns(HealthWarning) as warned:
        fit(Fit(), Nothing(), Values(), run, options)
    assert len(warned) == 2
    assert "step 50: `skipped_g`: the last 50 updates of this player were skipped" in str(warned[1])
    names = [json.loads(line)["name"] for line in run.health.read_text().splitlines()]
    assert names == ["not-finite", "stuck"]


def test_a_real_scaler_that_searches_is_no_problem():
    updater, steps = Updater(Fit(weight=10.0), precision="fp16"), SkippedSteps(scaled=True)
    batch = {"value": torch.tensor([[50.0]])}
    skipped = 0.0
    for step in range(40):
        one = updater.step(batch)
        skipped += one["skipped_g"].item()
        steps.add(step, one, [])
    assert 0 < skipped < MOST_OVERFLOWS
    assert steps.findings() == []
