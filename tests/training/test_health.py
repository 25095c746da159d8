"""The health monitor: each illness is made by training, and a healthy training stays quiet."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import Stripes
from torch import nn

from ganblocks import Objective, PatchDiscriminator, TrainState, UNetGenerator, train_step
from ganblocks.blocks import InstanceNorm
from ganblocks.data.direction import source_and_target
from ganblocks.losses.adversarial import VanillaLoss
from ganblocks.training.health import HealthMonitor, probe_generator
from ganblocks.training.health.logits_norm import norm_on_logits
from ganblocks.training.health.window import Level, Window

PAIRS = Stripes(64)


def networks(norm="batch"):
    torch.manual_seed(0)
    generator = UNetGenerator(
        base_channels=4, num_downs=3, norm=norm, dropout_levels=[0], dropout_mode="always"
    )
    return generator, PatchDiscriminator(base_channels=4, n_layers=1, norm=norm)


def objective(adversarial="vanilla", lambda_l1=100.0, **more):
    terms = {"adversarial": adversarial, "l1": {"type": "l1", "weight": lambda_l1}, **more}
    return Objective(terms, discriminator_weight=0.5)


def rows(state, minimised, steps, before_step=None):
    for _ in range(steps):
        source, target = source_and_target(PAIRS[state.step % len(PAIRS)], "b2a")
        if before_step is not None:
            before_step(state)
        figures = train_step(state, source[None], target[None], minimised)
        yield {
            **{name: value.item() for name, value in figures.items()},
            "step": state.step,
            "epoch": 0,
            "lr": state.lr,
            "lr_d": state.lr_discriminator,
        }


def found(state, minimised, steps, before_step=None):
    monitor = HealthMonitor(state.discriminator)
    findings = [f for r in rows(state, minimised, steps, before_step) for f in monitor.read(r)]
    return {finding.name: finding for finding in findings}


def replayed(**columns):
    """Reads rows that are the same but for the columns that are given as functions of the step."""
    monitor, findings = HealthMonitor(nn.Conv2d(1, 1, 1)), []
    for step in range(1, 401):
        row = {k: v(step) if callable(v) else v for k, v in columns.items()}
        findings += monitor.read({"step": step, **row})
    return [(finding.name, finding.step) for finding in findings]


@pytest.mark.parametrize(
    "minimised",
    [
        objective("vanilla"),
        objective("lsgan"),
        objective("hinge"),
        objective("wgan", gp="wgan_gp"),
        objective("rpgan"),
        Objective({"adversarial": "lsgan"}),
        Objective({"l1": "l1"}),
    ],
    ids=lambda minimised: "+".join(minimised.weights),
)
def test_a_healthy_training_stays_quiet(minimised):
    state = TrainState(*networks(), lr=1e-3)
    log = list(rows(state, minimised, 210))
    for every in (1, 7, 20):
        monitor = HealthMonitor(state.discriminator)
        assert [f for row in log[every - 1 :: every] for f in monitor.read(row)] == []
    sources = [source_and_target(PAIRS[i], "b2a")[0] for i in range(4)]
    monitor = HealthMonitor(state.discriminator)
    assert monitor.look(state.step, probe_generator(state.generator, sources)) == []


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(1), InstanceNorm(1), nn.GroupNorm(1, 1)], ids=lambda n: type(n).__name__
)
def test_a_norm_on_the_logits_makes_it_blind_and_is_named(norm):
    generator, discriminator = networks()
    state = TrainState(generator, nn.Sequential(discriminator, norm), lr=1e-3)
    findings = found(state, objective(), 110)
    assert list(findings) == ["blind-discriminator"]
    assert findings["blind-discriminator"].step == 101
    assert f"`1` ({type(norm).__name__})" in findings["blind-discriminator"].message
    assert "Take it out" in findings["blind-discriminator"].message


def test_no_sound_discriminator_has_a_norm_on_its_logits():
    for norm in ("batch", "instance", "group", "none"):
        assert norm_on_logits(PatchDiscriminator(base_channels=4, norm=norm)) is None
    spectral = PatchDiscriminator(base_channels=4, spectral_norm=True)
    assert norm_on_logits(spectral) is None
    assert norm_on_logits(nn.Sequential(spectral, nn.LayerNorm(4))) == "`1` (LayerNorm)"


class Shuffled(VanillaLoss):
    """Real and fake are swapped half of the time: labels that mean nothing."""

    def discriminator(self, real_logits, fake_logits):
        pair = real_logits, fake_logits
        return super().discriminator(*(pair if torch.rand(()) < 0.5 else pair[::-1]))


def test_random_labels_make_it_blind():
    terms = {"adversarial": {"loss": Shuffled()}, "l1": {"type": "l1", "weight": 100}}
    findings = found(TrainState(*networks(), lr=1e-3), Objective(terms), 210)
    assert list(findings) == ["blind-discriminator"]
    assert "swapped or shuffled" in findings["blind-discriminator"].message
    assert "norm on its logits" not in findings["blind-discriminator"].message


def test_a_discriminator_that_does_not_learn_is_blind_and_its_rate_is_named():
    state = TrainState(*networks(), lr=1e-3, lr_discriminator=0.0)
    findings = found(state, objective(), 210)
    assert list(findings) == ["learning-rate-zero", "blind-discriminator"]
    assert "--lr-discriminator" in findings["learning-rate-zero"].message


def test_one_logit_everywhere_is_blind():
    generator, discriminator = networks()
    nn.init.zeros_(discriminator.logits.conv.weight)
    discriminator.logits.requires_grad_(False)
    findings = found(TrainState(generator, discriminator, lr=1e-3), objective(), 110)
    assert "the same logit everywhere" in findings["blind-discriminator"].message


def test_a_slow_but_seeing_discriminator_is_not_blind():
    assert replayed(d_real=0.1, d_fake=0.0, d_spread=1.0, d_accuracy=0.54) == []
    assert replayed(d_real=0.04, d_fake=0.0, d_spread=1.0, d_accuracy=0.56) == []
    blind = [("blind-discriminator", 201)]
    assert replayed(d_real=0.04, d_fake=0.0, d_spread=1.0, d_accuracy=0.54) == blind
    assert replayed(d_real=0.04, d_fake=0.0, d_accuracy=0.54) == []


@pytest.mark.parametrize("lambda_l1", [100.0, 0.0])
def test_a_discriminator_that_wins_and_teaches_nothing(lambda_l1):
    state = TrainState(*networks("none"), lr=1e-6, lr_discriminator=1e-2 if not lambda_l1 else 3e-2)
    findings = found(state, objective("saturating", lambda_l1), 200)
    assert list(findings) == ["discriminator-wins"]
    for knob in ("--lr-discriminator", "--penalty r1", "--augment diff_augment", "hinge"):
        assert knob in findings["discriminator-wins"].message


def test_to_win_is_no_illness_while_the_gradient_lasts():
    wins = {"d_accuracy": 0.999, "grad_image": 0.2}
    fall = {"grad_image_d": lambda step: 0.1 if step < 30 else 1e-3}
    assert replayed(**wins, grad_image_d=0.1) == []
    assert replayed(**wins, grad_image_d=lambda step: 0.1 if step < 30 else 0.004) == []
    assert replayed(**wins, **fall) == [("discriminator-wins", 101)]
    assert replayed(**{**wins, "d_accuracy": 0.9}, **fall) == []


@pytest.mark.parametrize(
    ("lambda_l1", "words"), [(1e6, "Lower their weights"), (1e-4, "Raise their weights")]
)
def test_a_loss_that_has_no_say(lambda_l1, words):
    findings = found(TrainState(*networks(), lr=1e-3), objective("lsgan", lambda_l1), 110)
    assert list(findings) == ["gradients-out-of-proportion"]
    assert words in findings["gradients-out-of-proportion"].message
    assert "--lambda-l1" in findings["gradients-out-of-proportion"].message


def test_an_adversarial_weight_of_0_is_not_out_of_proportion():
    waits = {"type": "vanilla", "weight": [[1000, 0.0], [1001, 1.0]]}
    assert found(TrainState(*networks(), lr=1e-3), objective(waits), 120) == {}


def test_an_explosion_is_told_before_it_ends_in_nan():
    def explode(state):
        if state.step == 150:
            state.optimizer_d.param_groups[0]["lr"] = 1.0

    findings = found(TrainState(*networks("none"), lr=1e-3), objective("wgan"), 200, explode)
    assert list(findings) == ["gradients-out-of-proportion"]
    assert 155 <= findings["gradients-out-of-proportion"].step < 170
    assert "--clip-norm" in findings["gradients-out-of-proportion"].message


@pytest.mark.parametrize("key", ["grad_norm_d", "grad_norm_g"])
def test_single_spikes_and_slow_growth_are_no_explosion(key):
    assert replayed(**{key: lambda step: 1e6 if step % 5 == 0 else 1.0}) == []
    assert replayed(**{key: lambda step: 1.01**step}) == []
    quiet_then_usual = {key: lambda step: 1e-4 if 120 < step < 300 else 1.0}
    assert replayed(**quiet_then_usual) == []
    exploded = {key: lambda step: 1.0 if step < 200 else 101.0}
    assert replayed(**exploded) == [("gradients-out-of-proportion", 204)]


def test_a_rate_that_the_schedule_takes_away():
    def end(state):
        state.set_lr_factor(1.0 if state.step < 60 else 0.0)

    findings = found(TrainState(*networks(), lr=1e-3), objective(), 170, end)
    assert list(findings) == ["learning-rate-zero"]
    assert findings["learning-rate-zero"].step == 161
    assert "the learning rate was never above 0" in findings["learning-rate-zero"].message


def test_a_small_rate_a_warm_up_and_a_decay_are_no_illness():
    assert replayed(lr=1e-9) == []
    assert replayed(lr=lambda step: 2e-4 * max(0, step - 90) / 310) == []
    assert replayed(lr=lambda step: 2e-4 * (400 - step) / 400) == []
    assert replayed(lr=lambda step: 2e-4 if step < 100 else 1e-17)[0][0] == "learning-rate-zero"


def test_each_illness_is_said_once():
    same = {"d_real": 0.5, "d_fake": 0.5, "d_spread": 1.0, "d_accuracy": 0.5, "lr": 0.0}
    assert replayed(**same) == [("blind-discriminator", 101), ("learning-rate-zero", 101)]


def test_rows_that_are_not_finite_are_passed_over():
    same = {"d_real": 0.5, "d_fake": 0.5, "d_spread": 1.0}
    assert replayed(**same, loss_d=float("nan")) == []
    half = replayed(**same, loss_d=lambda step: float("inf") if step % 2 else 1.0)
    assert half == [("blind-discriminator", 102)]


def test_the_message_is_one_paragraph():
    state = TrainState(*networks(), lr=1e-3, lr_discriminator=0.0)
    for finding in found(state, objective(), 210).values():
        assert "\n" not in finding.message
        assert finding.message.endswith(".")


@given(
    every=st.integers(1, 500), rows=st.integers(2, 12), steps=st.integers(1, 300), n=st.integers(60)
)
def test_a_window_holds_as_few_rows_as_will_do(every, rows, steps, n):
    window = Window(rows, steps)
    given_steps = [every * i for i in range(1, min(n, 400) + 1)]
    for step in given_steps:
        window.add({"step": step})
    least = max(rows, -(-steps // every) + 1)
    assert window.full == (len(given_steps) >= least)
    assert window.column("step") == given_steps[-least:]


def test_a_level_is_the_highest_running_median():
    level = Level("x", Window(rows=3, steps=2))
    values = [1.0, 9.0, 2.0, 8.0, 3.0, 1.0, 1.0]
    for step, value in enumerate(values):
        level.add({"step": step, "x": value})
        assert (level.highest is None) == (step < 2)
    assert level.highest == max(sorted(values[i : i + 3])[1] for i in range(5))
