"""What a checkpoint holds, and what it refuses to go on with."""

import signal

import numpy as np
import pytest
import torch
from tiny import Stripes, assert_equal, batch, tiny_task, tiny_updater
from trained import rows, train

from ganblocks import (
    DiffAugment,
    GanBlocksError,
    Objective,
    PatchDiscriminator,
    RunFolder,
    UNetGenerator,
)
from ganblocks.data import PairTransform
from ganblocks.errors import GanBlocksWarning, HealthWarning, OptionError, RunError
from ganblocks.training import default_callbacks
from ganblocks.weights.io import fitting_weights

TWO_RATES = {"discriminator_optimizer": {"type": "adam", "lr": 2e-3}}


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"precision": "fp16"}, {"accumulate": 2, "batch_size": 2}])
@pytest.mark.filterwarnings("ignore:batch norm in the generator")
def test_with_everything_on_resumed_is_undisturbed_to_the_bit(tmp_path, options):
    """Mid-epoch, with average, pool, clipping, augmentation, memory of a term, another schedule."""
    terms = {"a": "hinge", "l1": {"type": "l1", "weight": 10}}
    if "accumulate" not in options:
        terms["lecam"] = {"type": "lecam"}

    def task(seed=0):
        arguments = {"augment": DiffAugment(), "pool_size": 3, **TWO_RATES}
        return tiny_task(seed, objective=Objective(terms), **arguments)

    common = {"ema": 0.9, "clip_norm": 1.0, "schedule": "cosine", "workers": 1, **options}
    common |= {"checkpoint_every": 4}
    run, _ = train(tmp_path / "whole", task(), steps=10, **common)
    train(tmp_path / "parts", task(), steps=4, **common)
    torch.manual_seed(99)  # another process
    parts, updater = train(tmp_path / "parts", task(seed=7), steps=10, **common)
    assert len(updater.task.pool) == 3
    assert_equal(parts.load_state(), run.load_state())
    assert run.load_state()["samples_seen"] not in (0, len(Stripes()))  # in the middle of an epoch


def test_the_last_checkpoints_are_kept(tmp_path):
    run, _ = train(tmp_path / "run", steps=11, checkpoint_every=2, keep_last=3)
    kept = sorted(path.name for path in run.path.glob("state_*.pt"))
    assert kept == ["state_000008.pt", "state_000010.pt", "state_000011.pt"]
    assert [torch.load(run.path / name)["step"] for name in kept] == [8, 10, 11]
    assert run.load_state()["step"] == 11
    train(run.path, tiny_task(seed=3), steps=13, keep_last=1)
    assert not list(run.path.glob("state_*.pt"))


def test_going_back_drops_the_states_that_will_come_again(tmp_path):
    run, _ = train(tmp_path / "run", steps=10, checkpoint_every=2, keep_last=3)
    (run.path / "state.pt").write_bytes((run.path / "state_000006.pt").read_bytes())
    train(run.path, tiny_task(seed=3), steps=7, keep_last=3)
    kept = sorted(path.name for path in run.path.glob("state_*.pt"))
    assert kept == ["state_000006.pt", "state_000007.pt"]


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ({"clip_norm": 2.0}, "clip_norm = 2.0; training continues with None"),
        ({"lr": 0.5}, "lr of the generator = 0.5; training continues with 0.001"),
        (
            {"optimizer": {"type": "adam", "lr": 1e-3, "betas": [0.9, 0.99]}},
            r"betas of the generator = \[0.9, 0.99\]; training continues with \[0.5, 0.999\]",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:the checkpoint has .* of the discriminator")
def test_another_argument_is_said_and_that_of_now_is_in_force(then, message):
    updater = tiny_updater()
    with pytest.warns(GanBlocksWarning, match=message):
        updater.load_state_dict(tiny_updater(**then).state_dict())
    group = updater.optimizers["generator"].param_groups[0]
    assert (group["lr"], group["initial_lr"], group["betas"]) == (1e-3, 1e-3, (0.5, 0.999))


def test_the_place_in_the_schedule_is_kept():
    saved, updater = tiny_updater(), tiny_updater()
    saved.set_lr_factor(0.25)
    updater.load_state_dict(saved.state_dict())
    assert updater.learning_rates() == {"lr_d": 2.5e-4, "lr_g": 2.5e-4}


class Other(Stripes):
    pass


TEN = Objective(
    {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 10}}, discriminator_weight=0.5
)
CHANGED = {
    "the number of pairs": ({}, Stripes(5), "to other data: pairs was 6, and is now 5"),
    "the data set": ({}, Other(), "to other data: type was 'Stripes', and is now 'Other'"),
    "the direction": (
        {},
        Stripes(direction="a2b"),
        "to other data: direction was 'b2a', and is now 'a2b'",
    ),
    "the weight of a term": (
        {"objective": TEN},
        None,
        "to another task: objective.terms.l1.weight was 100, and is now 10",
    ),
    "the generator": (
        {"generator": UNetGenerator(base_channels=4, num_downs=2)},
        None,
        "to another task: generator.num_downs was 3, and is now 2",
    ),
    "what the discriminator sees": (
        {"augment": "diff_augment"},
        None,
        "to another task: augment was None, and is now 'diff_augment'",
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_another_run_is_refused_with_the_difference(tmp_path, what):
    arguments, data, message = CHANGED[what]
    run, _ = train(tmp_path / "run", steps=1)
    before = run.metrics.read_bytes()
    with pytest.raises(RunError, match=message):
        train(run.path, tiny_task(**arguments), data, steps=2)
    assert run.metrics.read_bytes() == before
    assert run.load_state()["step"] == 1


def test_rates_seeds_and_first_weights_may_differ(tmp_path):
    run, _ = train(tmp_path / "run", steps=1)
    generator = UNetGenerator(
        base_channels=4,
        num_downs=3,
        dialect={"type": "port", "dropout_levels": [0]},
        dropout_mode="always",
        init="xavier",
    )
    with pytest.warns(GanBlocksWarning, match="continues with 0.5"):
        train(run.path, tiny_task(generator=generator, lr=0.5, seed=3), steps=2)
    assert run.load_state()["step"] == 2


def test_another_transform_is_another_data_set(tmp_path):
    class Cut(Stripes):
        def __init__(self, crop):
            super().__init__()
            self.transform = PairTransform(None, crop)

    run, _ = train(tmp_path / "run", train_set=Cut(16), steps=1)
    train(run.path, train_set=Cut(16), steps=2)
    with pytest.raises(RunError, match="crop_size=16.*crop_size=8"):
        train(run.path, train_set=Cut(8), steps=3)


class Signals(Stripes):
    """Sends the process a signal while a pair is read."""

    def __init__(self, number):
        super().__init__()
        self.number, self.reads = number, 0

    def fingerprint(self):
        return Stripes().fingerprint()

    def read(self, epoch, index):
        self.reads += 1
        if self.reads == 5:  # the first one is the dry run's
            signal.raise_signal(self.number)
        return super().read(epoch, index)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_saves_and_leaves(tmp_path, number, raised):
    before = signal.getsignal(number)
    options = {"steps": 9, "checkpoint_every": 100, "log_every": 50}
    with pytest.raises(raised):
        train(tmp_path / "run", train_set=Signals(number), **options)
    assert signal.getsignal(number) is before
    run = RunFolder.open(tmp_path / "run")
    assert run.load_state()["step"] == 4
    assert [row["step"] for row in rows(run)] == ["4"]
    assert (run.path / "index.html").is_file()
    _, parts = train(run.path, tiny_task(seed=3), **options)
    _, whole = train(tmp_path / "whole", **options)
    assert_equal(parts.task.state_dict(), whole.task.state_dict())


def test_a_logger_that_is_none_is_said_at_once():
    with pytest.raises(OptionError, match="is not a logger: give it the methods"):
        default_callbacks(["tensorboard"])


@pytest.mark.parametrize("factor", [-1.0, float("nan"), None])
def test_a_schedule_has_to_give_a_number(tmp_path, factor):
    with pytest.raises(OptionError, match="schedule returned .* for epoch 0"):
        train(tmp_path / "run", schedule=lambda *_: factor)


def test_more_steps_than_the_epochs_have(tmp_path):
    with pytest.warns(GanBlocksWarning, match="steps=30 is more .* training ends at step 24"):
        run, _ = train(tmp_path / "run", steps=30)
    with pytest.warns(GanBlocksWarning, match="all epochs are done"):
        train(run.path)


def test_grids_of_steps_that_will_come_again_go(tmp_path):
    options = {"sample_every": 2, "checkpoint_every": 2, "keep_last": 9}
    run, _ = train(tmp_path / "run", steps=8, **options)
    (run.path / "state.pt").write_bytes((run.path / "state_000004.pt").read_bytes())
    train(run.path, tiny_task(seed=2), steps=5)
    grids = sorted(path.name for path in run.samples.iterdir())
    assert grids == ["step_000002.png", "step_000004.png", "step_000005.png"]


@pytest.mark.filterwarnings("ignore:step .* was not finite")
def test_a_training_that_is_stuck_says_so(tmp_path):
    class Nothing(Stripes):
        def __getitem__(self, key):
            return {**super().__getitem__(key), "target": torch.full((3, 16, 16), float("nan"))}

    with pytest.warns(HealthWarning, match="the last 50 updates of this player were skipped"):
        train(tmp_path / "run", train_set=Nothing(), epochs=10)


class Rows(list):
    """A logger that is empty, and so false, at first."""

    closed = False

    def log(self, row):
        self.append(row["step"])

    def log_image(self, step, grid):
        self.append((step, tuple(grid.shape[:1])))

    def close(self):
        self.closed = True


def test_loggers_take_rows_and_grids_and_are_closed(tmp_path):
    rows = Rows()
    train(tmp_path / "run", steps=4, log_every=2, sample_every=4, loggers=[rows])
    assert rows == [2, 4, (4, (3,))]
    assert rows.closed


def test_a_logger_is_closed_whatever_comes(tmp_path):
    class Fails(Stripes):
        def read(self, epoch, index):
            raise ZeroDivisionError

    for wrong in ({"schedule": "cosin"}, {"train_set": Fails()}):
        rows = Rows()
        with pytest.raises((GanBlocksError, ZeroDivisionError)):
            train(tmp_path / "run", loggers=[rows], **wrong)
        assert rows.closed
        assert rows == []


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1e-3] * 4),
        ("linear", [1e-3, 1e-3, 2e-3 / 3, 1e-3 / 3]),
        (lambda epoch, epochs: epoch / epochs, [0.0, 2.5e-4, 5e-4, 7.5e-4]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*learning rate")
def test_the_rate_follows_the_schedule(tmp_path, schedule, rates):
    run, _ = train(tmp_path / "run", schedule=schedule, log_every=6)
    assert [float(row["lr_g"]) for row in rows(run)] == pytest.approx(rates, rel=1e-5)
    assert [row["lr_d"] for row in rows(run)] == [row["lr_g"] for row in rows(run)]


def test_a_pool_wants_its_pool_again():
    with pytest.raises(RunError, match="pool._extra_state"):
        tiny_updater().load_state_dict(tiny_updater(pool_size=2).state_dict())


class Noted(torch.nn.Conv2d):
    """A layer with a state of its own."""

    note = torch.ones(2)

    def get_extra_state(self):
        return self.note

    def set_extra_state(self, state):
        self.note = state


def test_a_state_of_its_own_is_stored_or_refused_before_the_first_step(tmp_path):
    task = tiny_task(generator=Noted(3, 3, 1))
    task.generator.note, task.diary = torch.zeros(2), Noted(1, 1, 1)
    run, _ = train(tmp_path / "run", task, steps=1)
    loaded = Noted(3, 3, 1)
    run.load_weights("generator", loaded)
    assert torch.equal(loaded.note, torch.zeros(2))
    for note in (np.random.default_rng(0), lambda: 0):  # cannot be read, cannot be written
        task.diary.note = [note]
        with pytest.raises(OptionError, match="'diary._extra_state' of PairedTranslation is "):
            train(tmp_path / "other", task)
    task.generator.note = {"seen": 3}
    with pytest.raises(OptionError, match="'_extra_state' of Noted is of type dict, but files of"):
        train(tmp_path / "other", task)
    assert not (tmp_path / "other").exists()


def test_a_run_without_a_graph_says_why(tmp_path):
    with pytest.warns(GanBlocksWarning, match="without a CUDA graph: the networks are on cpu"):
        train(tmp_path / "run", steps=1, cuda_graph=True)


def test_fit_goes_on_where_it_is(tmp_path):
    """Several calls in one process are one: nothing of the loop is lost in between."""
    task = tiny_task()
    for stop in (2, 5, 18):
        run, updater = train(tmp_path / "run", task, epochs=3, steps=stop)
    _, whole = train(tmp_path / "whole", epochs=3)
    assert_equal(updater.task.state_dict(), whole.task.state_dict())
    state = run.load_state()
    assert (state["epoch"], state["samples_seen"], state["step"]) == (3, 0, 18)


def test_a_state_of_a_run_with_a_cuda_graph_is_read_without():
    saved = tiny_updater(seed=1).state_dict()
    for optimizer in saved["optimizers"].values():
        optimizer["param_groups"][0] |= {"capturable": True, "lr": torch.tensor(5e-4)}
    updater = tiny_updater()
    updater.load_state_dict(saved)
    group = updater.optimizers["generator"].param_groups[0]
    assert (group["capturable"], group["fused"]) == (False, True)
    assert type(group["lr"]) is float
    assert group["lr"] == pytest.approx(5e-4)


class Shuffled(torch.nn.Module):
    """One layer under two names, between them a buffer of whole numbers and one of flags."""

    def __init__(self):
        super().__init__()
        self.first = self.second = torch.nn.Conv2d(3, 3, 1)
        self.register_buffer("order", torch.tensor([2, 0, 1]))
        self.register_buffer("kept", torch.tensor([True, False, True])[:, None, None])

    def forward(self, image):
        return torch.tanh(self.second((self.first(image) * self.kept)[:, self.order]))


def test_shared_layers_and_buffers_of_other_types_go_and_come_back(tmp_path):
    run, _ = train(tmp_path / "run", tiny_task(generator=Shuffled()), steps=2, ema=0.9)
    _, updater = train(run.path, tiny_task(generator=Shuffled()), steps=3, ema=0.9)
    loaded = Shuffled()
    loaded.order.zero_()
    run.load_weights("generator", loaded)
    average = updater.averages["generator"].network
    assert_equal(dict(loaded.state_dict()), dict(average.state_dict()))
    network = {**run.load_state()["networks"]["generator"], "order": torch.zeros(3)}
    with pytest.raises(RunError, match="order is torch.float32, and should be torch.int64"):
        fitting_weights(loaded, network, "it")


def test_moments_take_the_layout_of_their_weights():
    """The fused optimizer of the CPU mixes up values in another layout, without a word."""
    plain, other = (
        tiny_updater(
            generator=UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
            discriminator=PatchDiscriminator(6, base_channels=4, n_layers=1),
        )
        for _ in range(2)
    )
    plain.step(batch())
    other.task.generator.to(memory_format=torch.channels_last)
    other.load_state_dict(plain.state_dict())
    for updater in (plain, other):
        for parameter in updater.task.generator.parameters():
            parameter.grad = torch.zeros_like(parameter)  # the moments alone move it
        updater.optimizers["generator"].step()
    for ours, theirs in zip(other.task.generator.parameters(), plain.task.generator.parameters()):
        assert torch.allclose(ours, theirs, atol=1e-6)
