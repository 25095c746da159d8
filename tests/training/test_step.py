"""One step against a plain script of pix2pix, written separately."""

import copy

import pytest
import torch
import torch.nn.functional as F
from tiny import LOSSES, tiny_state

from ganblocks import (
    FEATURE_LOSSES,
    Augmentation,
    Objective,
    OptionError,
    PatchDiscriminator,
    PerceptualLoss,
    ShapeError,
    TrainState,
    UNetGenerator,
    train_step,
)
from ganblocks.training.state import frozen


def plain_step(generator, discriminator, opt_g, opt_d, source, target, weight_l1, bce=True):
    """The alternating update as the port writes it."""

    def criterion(logits, real):
        wanted = torch.full_like(logits, float(real))
        return (F.binary_cross_entropy_with_logits if bce else F.mse_loss)(logits, wanted)

    fake = generator(source)
    pred_fake = discriminator(torch.cat((source, fake.detach()), 1))
    pred_real = discriminator(torch.cat((source, target), 1))
    loss_d = (criterion(pred_fake, False) + criterion(pred_real, True)) * 0.5
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = criterion(discriminator(torch.cat((source, fake), 1)), True)
    loss_l1 = F.l1_loss(fake, target)
    opt_g.zero_grad()
    (loss_g + weight_l1 * loss_l1).backward()
    opt_g.step()
    return {
        "d_real": pred_real.mean(),
        "d_fake": pred_fake.mean(),
        "loss_d": loss_d,
        "loss_g_adversarial": loss_g,
        "loss_g_l1": loss_l1,
    }


@pytest.mark.parametrize(("adversarial", "bce"), [("vanilla", True), ("lsgan", False)])
def test_losses_and_weights_equal_the_plain_script(adversarial, bce):
    state = tiny_state()
    state.generator.double()
    state.discriminator.double()
    g, d = copy.deepcopy(state.generator), copy.deepcopy(state.discriminator)
    # SGD: Adam would blow rounding up.
    state.optimizer_g = torch.optim.SGD(state.generator.parameters(), lr=0.01)
    state.optimizer_d = torch.optim.SGD(state.discriminator.parameters(), lr=0.01)
    opt_g, opt_d = (torch.optim.SGD(m.parameters(), lr=0.01) for m in (g, d))
    losses = Objective(
        {"adversarial": adversarial, "l1": {"type": "l1", "weight": 10.0}},
        discriminator_weight=0.5,
    )
    for step in range(3):
        source, target = torch.rand(2, 2, 3, 16, 16, dtype=torch.float64).unbind()
        torch.manual_seed(step)
        ours = train_step(state, source, target, losses)
        torch.manual_seed(step)
        plain = plain_step(g, d, opt_g, opt_d, source, target, 10.0, bce)
        assert ours["skipped"] == 0
        for name in plain:
            assert ours[name].item() == pytest.approx(plain[name].item(), rel=1e-9), name
    for a, b in zip(state.generator.state_dict().values(), g.state_dict().values(), strict=True):
        assert torch.allclose(a.double(), b.double(), rtol=1e-7)
    ds = zip(state.discriminator.state_dict().values(), d.state_dict().values(), strict=True)
    assert all(torch.allclose(a.double(), b.double(), rtol=1e-7) for a, b in ds)
    assert state.step == 3


def test_the_discriminator_takes_no_gradient_in_the_generators_half():
    state = tiny_state()
    images = torch.rand(1, 3, 16, 16)
    after_d = {}
    step = state.optimizer_d.step

    def spy(*args, **kwargs):
        after_d.update({n: p.grad.clone() for n, p in state.discriminator.named_parameters()})
        return step(*args, **kwargs)

    state.optimizer_d.step = spy
    train_step(state, images, images, LOSSES)
    for name, parameter in state.discriminator.named_parameters():
        assert torch.equal(parameter.grad, after_d[name])
        assert parameter.requires_grad


def test_scalars_stay_detached():
    images = torch.rand(1, 3, 16, 16)
    for value in train_step(tiny_state(), images, images, LOSSES).values():
        assert not value.requires_grad
        assert value.ndim == 0


def test_frozen_restores_only_what_was_trained():
    network = torch.nn.Linear(2, 2)
    network.bias.requires_grad_(False)

    def fail():
        with frozen(network):
            assert not network.weight.requires_grad
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert network.weight.requires_grad
    assert not network.bias.requires_grad


def test_bf16_keeps_losses_in_fp32_and_trains():
    state = tiny_state()
    images = torch.rand(1, 3, 16, 16)
    scalars = train_step(state, images, images, LOSSES, precision="bf16")
    assert {value.dtype for value in scalars.values()} == {torch.float32}
    assert all(p.grad.dtype == torch.float32 for p in state.generator.parameters())
    exact = train_step(tiny_state(), images, images, LOSSES)
    assert scalars["loss_g_l1"].item() == pytest.approx(exact["loss_g_l1"].item(), rel=0.05)


class Recording(PatchDiscriminator):
    """Notes what it is shown, and in which role."""

    def __init__(self):
        super().__init__(base_channels=4, n_layers=1, norm="none")
        self.seen = []

    def forward(self, x):
        self.seen.append(("logits", x.detach().clone()))
        return super().features(x)[-1]

    def features(self, x):
        self.seen.append(("features", x.detach().clone()))
        return super().features(x)


class Brighter(Augmentation):
    """Adds 1 to everything, so that what was varied can be told from what was not."""

    def _varied(self, images):
        return tuple(x + 1 for x in images)


def recorded(terms, **knobs):
    torch.manual_seed(0)
    state = TrainState(UNetGenerator(base_channels=4, num_downs=3), Recording(), lr=0.0)
    source, target = torch.rand(2, 1, 3, 16, 16)
    with torch.no_grad():
        fake = copy.deepcopy(state.generator)(source)
    row = train_step(state, source, target, Objective(terms), **knobs)
    return state, row, source, target, fake


def shows(x, condition, image, tolerance=1e-5):
    return torch.allclose(x, torch.cat((condition, image), 1), atol=tolerance)


@pytest.mark.parametrize("augment", [None, Brighter()])
def test_who_sees_what(augment):
    terms = {"a": "rpgan", "r1": "r1", "matching": "feature_matching", "l1": "l1"}
    state, row, source, target, fake = recorded(terms, augment=augment)
    by = 0 if augment is None else 1
    shown = {"real": (source + by, target + by), "fake": (source + by, fake + by)}
    seen = state.discriminator.seen
    kinds = [kind for kind, _ in seen]
    # D: fake, real, the penalty's real; G: fake, real for the relativistic loss, features of both.
    assert kinds == ["logits"] * 5 + ["features"] * 2
    for (_, x), who in zip(seen, ["fake", "real", "real", "fake", "real"]):
        assert shows(x, *shown[who]), who
    maps = [x for kind, x in seen if kind == "features"]
    # Feature losses see the output itself.
    assert any(shows(x, source, target) for x in maps)
    assert any(shows(x, source, fake) for x in maps)
    assert row["loss_g_l1"].item() == pytest.approx((fake - target).abs().mean().item(), rel=1e-4)


def test_the_step_reaches_schedules_and_lazy_penalties():
    torch.manual_seed(0)
    state = TrainState(UNetGenerator(base_channels=4, num_downs=3), Recording(), lr=0.0)
    terms = {
        "a": "hinge",
        "l1": {"type": "l1", "weight": [[0, 0.0], [2, 100.0]]},
        "r1": {"type": "r1", "every": 2, "weight": [[0, 0.0], [2, 8.0]]},
    }
    objective = Objective(terms)
    source, target = torch.rand(2, 1, 3, 16, 16)
    sizes, due, totals = [], [], []
    for _ in range(3):
        row = train_step(state, source, target, objective)
        sizes.append(state.generator.down[0].conv.weight.grad.norm().item())
        due.append("loss_d_r1" in row)
        totals.append(row["loss_d"].item())
    assert due == [True, False, True]
    assert sizes[0] < sizes[1] < sizes[2]
    assert totals[0] == pytest.approx(totals[1])
    assert totals[2] == pytest.approx(totals[1] + 8 * row["loss_d_r1"].item(), rel=1e-4)


class Maps(torch.nn.Conv2d):
    def forward(self, x):
        return (super().forward(x),)


@pytest.mark.parametrize("name", FEATURE_LOSSES.names())
def test_feature_losses_train_in_bf16(name):
    torch.manual_seed(0)
    own = {} if name == "feature_matching" else {"features": Maps(3, 4, 3)}
    objective = Objective({"a": "hinge", "f": {"loss": FEATURE_LOSSES.build(name, **own)}})
    source, target = torch.rand(2, 1, 3, 16, 16)
    row = train_step(tiny_state(), source, target, objective, precision="bf16")
    assert row["loss_g_f"].dtype == torch.float32
    assert row["loss_g_f"] > 0


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's tracer's own
def test_a_compiled_discriminator_takes_a_gradient_penalty():
    state = tiny_state()
    state.compile(backend="aot_eager")
    images = torch.rand(1, 3, 16, 16)
    row = train_step(state, images, images, Objective({"a": "hinge", "r1": "r1"}))
    assert row["loss_d_r1"].isfinite()


def test_without_a_term_of_its_own_the_discriminator_rests():
    state = tiny_state()
    before = copy.deepcopy(state.discriminator.state_dict())
    images = torch.rand(1, 3, 16, 16)
    row = train_step(state, images, images, Objective({"l1": "l1"}))
    assert not [name for name in row if name.endswith("_d")]
    trained = dict(state.discriminator.named_parameters())
    assert all(torch.equal(before[name], p) for name, p in trained.items())
    with pytest.raises(OptionError, match="no term for the generator"):
        train_step(state, images, images, Objective({"r1": "r1"}))


def test_what_does_not_fit():
    state, images = tiny_state(), torch.rand(1, 3, 16, 16)
    with pytest.raises(ShapeError, match="out_channels=1"):
        train_step(state, images, images[:, :1], LOSSES)
    with pytest.raises(ShapeError, match="one size"):
        train_step(state, images, images[..., 1:], LOSSES)
    state.discriminator = torch.nn.Conv2d(6, 1, 3)
    with pytest.raises(OptionError, match="Conv2d has no method `features`"):
        train_step(state, images, images, Objective({"f": {"loss": PerceptualLoss()}}))
