"""The health monitor: each problem is made by training, and a healthy training stays quiet."""

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from ganblocks import (
    Objective,
    PairedTranslation,
    PatchDiscriminator,
    UNetGenerator,
    UnpairedTranslation,
    Updater,
)
from ganblocks.blocks import InstanceNorm
from ganblocks.health import HealthMonitor, probe_generator
from ganblocks.health.logits_norm import norm_on_logits
from ganblocks.health.window import HighestMedian, Window
from ganblocks.losses.adversarial import VanillaLoss

SLOW = pytest.mark.slow


def stripes(index):
    """A pair of stripes and their negative, as a batch of one."""
    seed = torch.Generator().manual_seed(index)
    source = torch.randint(0, 2, (1, 1, 16, 1), generator=seed) * 2.0 - 1
    source = source.expand(1, 3, 16, 16).contiguous()
    return {"source": source, "target": -source}


PAIRS = [stripes(index) for index in range(64)]


def networks(norm="batch"):
    torch.manual_seed(0)
    generator = UNetGenerator(
        base_channels=4,
        num_downs=3,
        norm=norm,
        dialect={"type": "port", "dropout_levels": [0]},
        dropout_mode="always",
    )
    return generator, PatchDiscriminator(6, base_channels=4, n_layers=1, norm=norm)


def objective(adversarial="vanilla", lambda_l1=100.0, **more):
    terms = {"adversarial": adversarial, "l1": {"type": "l1", "weight": lambda_l1}, **more}
    return Objective(terms, discriminator_weight=0.5)


def adam(lr):
    return {"type": "adam", "lr": lr, "betas": [0.5, 0.999]}


def training(players, minimized, lr=1e-3, lr_discriminator=None):
    optimizers = {"optimizer": adam(lr)}
    if lr_discriminator is not None:
        optimizers["discriminator_optimizer"] = adam(lr_discriminator)
    return Updater(PairedTranslation(*players, minimized, **optimizers))


def rows(updater, steps, before_step=None):
    for _ in range(steps):
        if before_step is not None:
            before_step(updater)
        figures = updater.step(PAIRS[updater.steps % len(PAIRS)])
        yield {
            **{name: value.item() for name, value in figures.items()},
            **updater.learning_rates(),
            "step": updater.steps,
            "epoch": 0,
        }


def monitor_of(updater):
    return HealthMonitor({"discriminator": updater.task.discriminator})


def found(updater, steps, before_step=None):
    monitor = monitor_of(updater)
    findings = [f for row in rows(updater, steps, before_step) for f in monitor.read(row)]
    return {finding.name: finding for finding in findings}


def replayed(**columns):
    """Reads rows that are the same but for the columns that are given as functions of the step."""
    monitor, findings = HealthMonitor({}), []
    for step in range(1, 401):
        row = {k: v(step) if callable(v) else v for k, v in columns.items()}
        findings += monitor.read({"step": step, **row})
    return [(finding.name, finding.step) for finding in findings]


@pytest.mark.parametrize(
    "minimized",
    [
        objective("vanilla"),
        pytest.param(objective("wgan", gp="wgan_gp"), marks=SLOW),
        *(pytest.param(objective(name), marks=SLOW) for name in ("lsgan", "hinge", "rpgan")),
        pytest.param(Objective({"adversarial": "lsgan"}), marks=SLOW),
        Objective({"l1": "l1"}),
    ],
    ids=lambda minimized: "+".join(minimized.weights),
)
def test_a_healthy_training_stays_quiet(minimized):
    updater = training(networks(), minimized)
    log = list(rows(updater, 210))
    for every in (1, 7, 20):
        monitor = monitor_of(updater)
        assert [f for row in log[every - 1 :: every] for f in monitor.read(row)] == []
    probe = probe_generator(updater.task.generator, [pair["source"][0] for pair in PAIRS[:4]])
    assert monitor_of(updater).read_probe(updater.steps, probe) == []


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(1), InstanceNorm(1), nn.GroupNorm(1, 1)], ids=lambda n: type(n).__name__
)
def test_a_norm_on_the_logits_makes_it_blind_and_is_named(norm):
    generator, discriminator = networks()
    findings = found(
        training((generator, nn.Sequential(discriminator, norm)), objective()), steps=110
    )
    assert list(findings) == ["blind-discriminator"]
    assert findings["blind-discriminator"].step == 101
    assert f"`discriminator.1` ({type(norm).__name__})" in findings["blind-discriminator"].message
    assert "Remove it" in findings["blind-discriminator"].message


def test_no_sound_discriminator_has_a_norm_on_its_logits():
    for norm in ("batch", "instance", "group", "none"):
        assert norm_on_logits({"d": PatchDiscriminator(6, base_channels=4, norm=norm)}) is None
    spectral = PatchDiscriminator(6, base_channels=4, spectral_norm=True)
    assert norm_on_logits({"d": spectral}) is None
    normed = nn.Sequential(spectral, nn.LayerNorm(4))
    assert norm_on_logits({"d_a": spectral, "d_b": normed}) == "`d_b.1` (LayerNorm)"


class Shuffled(VanillaLoss):
    """Real and fake are swapped half of the time: labels that mean nothing."""

    def discriminator(self, real_logits, fake_logits):
        pair = real_logits, fake_logits
        return super().discriminator(*(pair if torch.rand(()) < 0.5 else pair[::-1]))


def test_random_labels_make_it_blind():
    terms = {"adversarial": {"loss": Shuffled()}, "l1": {"type": "l1", "weight": 100}}
    findings = found(training(networks(), Objective(terms)), steps=210)
    assert list(findings) == ["blind-discriminator"]
    assert "swapped or shuffled" in findings["blind-discriminator"].message
    assert "norm on its logits" not in findings["blind-discriminator"].message


def test_a_discriminator_that_does_not_learn_is_blind_and_its_rate_is_named():
    findings = found(training(networks(), objective(), lr_discriminator=0.0), steps=210)
    assert list(findings) == ["learning-rate-zero", "blind-discriminator"]
    assert all("\n" not in f.message and f.message.endswith(".") for f in findings.values())
    assert "the learning rate `lr_d`" in findings["learning-rate-zero"].message
    assert "raise the `lr` of the discriminator" in findings["blind-discriminator"].message


def test_one_logit_everywhere_is_blind():
    generator, discriminator = networks()
    nn.init.zeros_(discriminator.logits.conv.weight)
    discriminator.logits.requires_grad_(False)
    findings = found(training((generator, discriminator), objective()), steps=110)
    assert "the same logit everywhere" in findings["blind-discriminator"].message


def test_a_slow_but_seeing_discriminator_is_not_blind():
    assert replayed(d_real=0.1, d_fake=0.0, d_spread=1.0, d_accuracy=0.54) == []
    assert replayed(d_real=0.04, d_fake=0.0, d_spread=1.0, d_accuracy=0.56) == []
    blind = [("blind-discriminator", 201)]
    assert replayed(d_real=0.04, d_fake=0.0, d_spread=1.0, d_accuracy=0.54) == blind
    assert replayed(d_real=0.04, d_fake=0.0, d_accuracy=0.54) == []


@pytest.mark.parametrize("lambda_l1", [pytest.param(100.0, marks=SLOW), 0.0])
def test_a_discriminator_that_wins_and_teaches_nothing(lambda_l1):
    updater = training(
        networks("none"),
        objective("saturating", lambda_l1),
        lr=1e-6,
        lr_discriminator=1e-2 if not lambda_l1 else 3e-2,
    )
    findings = found(updater, steps=200)
    assert list(findings) == ["discriminator-wins"]
    for remedy in (
        *("lower the `lr` of the discriminator's optimizer", "penalty such as r1"),
        *('augment="diff_augment"', "hinge"),
    ):
        assert remedy in findings["discriminator-wins"].message


def test_to_win_is_no_problem_while_the_gradient_lasts():
    wins = {"d_accuracy": 0.999, "grad_image": 0.2}
    fall = {"grad_image_d": lambda step: 0.1 if step < 30 else 1e-3}
    assert replayed(**wins, grad_image_d=0.1) == []
    assert replayed(**wins, grad_image_d=lambda step: 0.1 if step < 30 else 0.004) == []
    assert replayed(**wins, **fall) == [("discriminator-wins", 101)]
    assert replayed(**{**wins, "d_accuracy": 0.9}, **fall) == []


@pytest.mark.parametrize(
    ("lambda_l1", "words"),
    [(1e6, "Lower the weights of the other terms"), (1e-4, "Raise the weights of the other terms")],
)
def test_a_loss_that_another_outweighs(lambda_l1, words):
    findings = found(training(networks(), objective("lsgan", lambda_l1)), steps=110)
    assert list(findings) == ["gradients-out-of-proportion"]
    assert words in findings["gradients-out-of-proportion"].message


def test_an_adversarial_weight_of_0_is_not_out_of_proportion():
    waits = {"type": "vanilla", "weight": [[1000, 0.0], [1001, 1.0]]}
    assert found(training(networks(), objective(waits)), steps=120) == {}


def test_an_explosion_is_reported_before_it_ends_in_nan():
    def explode(updater):
        if updater.steps == 150:
            updater.optimizers["discriminator"].param_groups[0]["lr"] = 1.0

    findings = found(training(networks("none"), objective("wgan")), 200, explode)
    assert list(findings) == ["gradients-out-of-proportion"]
    assert 155 <= findings["gradients-out-of-proportion"].step < 170
    assert "clip_norm=" in findings["gradients-out-of-proportion"].message


@pytest.mark.parametrize("key", ["grad_norm_d", "grad_norm_g", "grad_norm_encoder"])
def test_single_spikes_and_slow_growth_are_no_explosion(key):
    assert replayed(**{key: lambda step: 1e6 if step % 5 == 0 else 1.0}) == []
    assert replayed(**{key: lambda step: 1.01**step}) == []
    quiet_then_usual = {key: lambda step: 1e-4 if 120 < step < 300 else 1.0}
    assert replayed(**quiet_then_usual) == []
    exploded = {key: lambda step: 1.0 if step < 200 else 101.0}
    assert replayed(**exploded) == [("gradients-out-of-proportion", 204)]


def test_a_rate_that_the_schedule_takes_away():
    def end(updater):
        updater.set_lr_factor(1.0 if updater.steps < 60 else 0.0)

    findings = found(training(networks(), objective()), 170, end)
    assert list(findings) == ["learning-rate-zero"]
    assert findings["learning-rate-zero"].step == 161
    assert "the learning rate `lr_d` was never above 0:" in findings["learning-rate-zero"].message


def test_a_small_rate_a_warm_up_and_a_decay_are_no_problem():
    assert replayed(lr_g=1e-9) == []
    assert replayed(lr_g=lambda step: 2e-4 * max(0, step - 90) / 310) == []
    assert replayed(lr_g=lambda step: 2e-4 * (400 - step) / 400) == []
    assert replayed(lr_g=lambda step: 2e-4 if step < 100 else 1e-17)[0][0] == "learning-rate-zero"


def test_each_problem_is_reported_once():
    same = {"d_real": 0.5, "d_fake": 0.5, "d_spread": 1.0, "d_accuracy": 0.5, "lr_g": 0.0}
    assert replayed(**same) == [("blind-discriminator", 101), ("learning-rate-zero", 101)]


WINS = {"d_accuracy": 0.999, "grad_image": 0.2}
TWO = {
    "blind-discriminator": {"d_real": 0.5, "d_fake": 0.5, "d_spread": 1.0},
    "discriminator-wins": {**WINS, "grad_image_d": lambda step: 0.1 if step < 30 else 1e-3},
    "gradients-out-of-proportion": {"grad_image": 1.0, "grad_image_d": 1e-4},
}


@pytest.mark.parametrize("problem", TWO)
def test_each_of_two_discriminators_is_checked(problem):
    sound = {"d_real": 0.8, "d_fake": 0.2, "d_spread": 1.0, "d_accuracy": 0.9}
    sound |= {"grad_image": 0.2, "grad_image_d": 0.1}
    ill = {**sound, **TWO[problem]}

    def found(**sides):
        columns = {f"{k}_{side}": v for side, row in sides.items() for k, v in row.items()}
        return replayed(**columns, grad_norm_d=1.0, lr_d=1e-4)

    assert found(a=sound, b=sound) == []
    assert found(a=ill, b=sound) == found(a=sound, b=ill) == [(problem, 101)]
    assert found(a=ill, b=ill) == [(problem, 101)] * 2


@pytest.mark.parametrize(
    "blind", ["discriminator_a", *(pytest.param(n, marks=SLOW) for n in ("", "discriminator_b"))]
)
def test_the_blind_discriminator_of_a_cyclegan_is_named(blind):
    torch.manual_seed(0)
    task = UnpairedTranslation(
        {"type": "resnet", "base_channels": 4, "n_blocks": 1},
        {"type": "patch", "in_channels": 3, "base_channels": 4, "n_layers": 1},
        {"terms": {"adversarial": "lsgan"}, "discriminator_weight": 0.5},
        optimizer=adam(1e-3),
    )
    if blind:
        setattr(task, blind, nn.Sequential(task.network(blind), nn.BatchNorm2d(1)))
    monitor = HealthMonitor(task.networks("discriminator"))
    updater = Updater(task)
    findings = []
    for step in range(1, 121):
        pair = PAIRS[step % len(PAIRS)]
        figures = updater.step({"a": pair["source"], "b": pair["target"].transpose(2, 3)})
        findings += monitor.read({"step": step, **{k: v.item() for k, v in figures.items()}})
    assert [finding.name for finding in findings] == ["blind-discriminator"] * bool(blind)
    for finding in findings:
        assert finding.message.startswith(f"`{blind}`: over")
        assert f"`{blind}.1` (BatchNorm2d)" in finding.message


def test_checks_whose_figures_are_not_logged_stay_quiet():
    others = {"loss_g": 1.0, "loss_g_cycle": 0.1, "val_l1": 0.2, "images_per_s": 9.0}
    for column in ("d_real", "d_spread", "d_accuracy", "grad_image", "grad_image_d", "grad_norm_x"):
        assert replayed(**others, **{column: 0.5}) == []
    assert replayed(**others, lr_d_a=0.0) == [("learning-rate-zero", 101)]


def test_rows_that_are_not_finite_are_passed_over():
    same = {"d_real": 0.5, "d_fake": 0.5, "d_spread": 1.0}
    assert replayed(**same, loss_d=float("nan")) == []
    half = replayed(**same, loss_d=lambda step: float("inf") if step % 2 else 1.0)
    assert half == [("blind-discriminator", 102)]


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
    level = HighestMedian("x", Window(rows=3, steps=2))
    values = [1.0, 9.0, 2.0, 8.0, 3.0, 1.0, 1.0]
    for step, value in enumerate(values):
        level.add({"step": step, "x": value})
        assert (level.value is None) == (step < 2)
    assert level.value == max(sorted(values[i : i + 3])[1] for i in range(5))
