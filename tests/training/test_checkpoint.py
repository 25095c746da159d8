"""What a checkpoint holds, and what it refuses to go on with."""

import signal

import pytest
import torch
from test_fit import rows, train
from tiny import LOSSES, Stripes, assert_equal, tiny_state

from ganblocks import (
    DiffAugment,
    GanBlocksWarning,
    HealthWarning,
    ImagePool,
    Objective,
    OptionError,
    PairTransform,
    PatchDiscriminator,
    RunError,
    RunFolder,
    TrainState,
    UNetGenerator,
    fit,
    load,
    load_checkpoint,
    train_step,
)

ALL = {"ema_decay": 0.9, "pool_size": 3, "clip_norm": 1.0, "lr_discriminator": 2e-3}


@pytest.mark.parametrize("options", [{"precision": "fp16"}, {"accumulate": 2, "batch_size": 2}])
@pytest.mark.filterwarnings("ignore:the generator's batch norm")
def test_with_everything_on_resumed_is_undisturbed_to_the_bit(tmp_path, options):
    """Mid-epoch, with average, pool, clipping, augmentation, memory of a term, another schedule."""
    terms = {"a": "hinge", "l1": {"type": "l1", "weight": 10}, "lecam": {"type": "lecam"}}
    knobs = {
        "augment": DiffAugment(),
        "schedule": "cosine",
        "workers": 1,
        "checkpoint_every": 4,
        **options,
    }
    train(tmp_path / "whole", tiny_state(**ALL), Objective(terms), steps=10, **knobs)
    train(tmp_path / "parts", tiny_state(**ALL), Objective(terms), steps=4, **knobs)
    torch.manual_seed(99)  # another process
    state, objective = tiny_state(seed=7, **ALL), Objective(terms)
    run = RunFolder.open(tmp_path / "parts")
    load_checkpoint(state, run, objective, Stripes())
    assert (state.step, len(state.pool)) == (4, 3)
    train(tmp_path / "parts", state, objective, steps=10, **knobs)
    whole = RunFolder.open(tmp_path / "whole").load_state()
    assert_equal(run.load_state(), whole)
    assert whole["position"] not in (0, len(Stripes()))  # in the middle of an epoch


def test_the_weights_of_a_run_are_the_averages(tmp_path):
    state = tiny_state(ema_decay=0.9)
    run = train(tmp_path / "run", state, steps=5)
    loaded = load(run.path).state_dict()
    average, own = state.result.state_dict(), state.generator.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in average.items())
    assert any(not torch.equal(loaded[key], value) for key, value in own.items())


def test_the_last_checkpoints_are_kept(tmp_path):
    run = train(tmp_path / "run", tiny_state(), steps=11, checkpoint_every=2, keep=3)
    kept = sorted(path.name for path in run.path.glob("state_*.pt"))
    assert kept == ["state_000008.pt", "state_000010.pt", "state_000011.pt"]
    assert [torch.load(run.path / name)["step"] for name in kept] == [8, 10, 11]
    assert run.load_state()["step"] == 11
    state = tiny_state(seed=3)
    load_checkpoint(state, run, LOSSES, Stripes())
    train(run.path, state, steps=13, keep=1)
    assert not list(run.path.glob("state_*.pt"))


def test_the_best_is_kept(tmp_path):
    scores = iter([3.0, 1.0, 2.0, 0.5])
    networks = []

    def score(generator):
        networks.append({k: v.clone() for k, v in generator.state_dict().items()})
        return next(scores)

    state = tiny_state(ema_decay=0.5)
    options = {"checkpoint_every": 2, "best_by": score}
    run = train(tmp_path / "run", state, steps=6, **options)
    best = UNetGenerator(base_channels=4, num_downs=3, dropout_levels=[0], dropout_mode="always")
    run.load_weights("best", best)
    assert all(torch.equal(best.state_dict()[k], v) for k, v in networks[1].items())
    again = tiny_state(seed=4, ema_decay=0.5)
    load_checkpoint(again, run, LOSSES, Stripes())
    assert again.best == 1.0  # resumed, a worse one does not replace it
    train(run.path, again, steps=8, **options)
    assert again.best == 0.5


def test_scoring_leaves_the_training_as_it_is(tmp_path):
    def score(generator):
        generator.eval()
        torch.rand(3)
        return 0.0

    states = []
    for name, best_by in [("scored", score), ("plain", None)]:
        states.append(tiny_state())
        options = {"steps": 5, "checkpoint_every": 2, "best_by": best_by}
        train(tmp_path / name, states[-1], **options)
    assert_equal(*(state.generator.state_dict() for state in states))


def test_a_score_of_nan_is_not_the_best(tmp_path):
    scores = iter([float("nan"), 0.5, float("nan"), 0.4])
    options = {"steps": 8, "checkpoint_every": 2, "best_by": lambda _: next(scores)}
    state = tiny_state()
    with pytest.warns(GanBlocksWarning, match="gave NaN"):
        train(tmp_path / "run", state, **options)
    assert state.best == 0.4


def test_going_back_drops_the_states_that_will_come_again(tmp_path):
    run = train(tmp_path / "run", tiny_state(), steps=10, checkpoint_every=2, keep=3)
    (run.path / "state.pt").write_bytes((run.path / "state_000006.pt").read_bytes())
    state = tiny_state(seed=3)
    load_checkpoint(state, run, LOSSES, Stripes())
    train(run.path, state, steps=7, keep=3)
    kept = sorted(path.name for path in run.path.glob("state_*.pt"))
    assert kept == ["state_000006.pt", "state_000007.pt"]


def test_another_rate_is_said():
    with pytest.warns(GanBlocksWarning, match="clip_norm=2.0, and goes on with None"):
        tiny_state().load_state_dict(tiny_state(clip_norm=2.0).state_dict())


class Other(Stripes):
    pass


CHANGED = {
    "the number of pairs": (None, None, Stripes(5), "of other data: pairs was 6, and is 5"),
    "the data set": (None, None, Other(), "of other data: type was 'Stripes', and is 'Other'"),
    "the weight of a term": (
        None,
        Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 10}}),
        None,
        r"of other parts: objective.terms.l1.weight was 100, and is 10",
    ),
    "the generator": (
        lambda: TrainState(
            UNetGenerator(base_channels=4, num_downs=2), PatchDiscriminator(base_channels=4)
        ),
        None,
        None,
        "of other parts: generator.num_downs was 3, and is 2",
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_another_run_is_refused_with_the_difference(tmp_path, what):
    state, objective, data, message = CHANGED[what]
    run = train(tmp_path / "run", tiny_state(), steps=1)
    with pytest.raises(RunError, match=message):
        load_checkpoint(
            state() if state else tiny_state(), run, objective or LOSSES, data or Stripes()
        )


def test_another_transform_is_another_data_set(tmp_path):
    class Cut(Stripes):
        def __init__(self, crop):
            super().__init__()
            self.transform = PairTransform(None, crop)

    run = train(tmp_path / "run", tiny_state(), train_set=Cut(16), steps=1)
    load_checkpoint(tiny_state(), run, LOSSES, Cut(16))
    with pytest.raises(RunError, match="crop_size=16.*crop_size=8"):
        load_checkpoint(tiny_state(), run, LOSSES, Cut(8))


class Signals(Stripes):
    """Sends the process a signal while a pair is read."""

    def __init__(self, number):
        super().__init__()
        self.number, self.reads = number, 0

    def fingerprint(self):
        return Stripes().fingerprint()

    def read(self, epoch, index):
        self.reads += 1
        if self.reads == 4:
            signal.raise_signal(self.number)
        return super().read(epoch, index)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_saves_and_leaves(tmp_path, number, raised):
    before = signal.getsignal(number)
    options = {"steps": 9, "checkpoint_every": 100, "log_every": 50}
    with pytest.raises(raised):
        train(tmp_path / "run", tiny_state(), train_set=Signals(number), **options)
    assert signal.getsignal(number) is before
    run = RunFolder.open(tmp_path / "run")
    assert run.load_state()["step"] == 4
    assert [row["step"] for row in rows(run)] == ["4"]
    assert (run.path / "index.html").is_file()
    state = tiny_state(seed=3)
    load_checkpoint(state, run, LOSSES, Stripes())
    train(run.path, state, **options)
    whole = tiny_state()
    train(tmp_path / "whole", whole, **options)
    assert_equal(state.generator.state_dict(), whole.generator.state_dict())


def test_a_logger_that_is_none_is_said_at_once(tmp_path):
    with pytest.raises(OptionError, match="is no logger: give it the methods"):
        train(tmp_path / "run", tiny_state(), loggers=["tensorboard"])


def test_a_fresh_training_does_not_write_over_a_run(tmp_path):
    run = train(tmp_path / "run", tiny_state(), steps=3)
    before = run.metrics.read_bytes()
    with pytest.raises(RunError, match="load_checkpoint"):
        train(run.path, tiny_state(seed=1), steps=1)
    assert run.metrics.read_bytes() == before
    assert run.load_state()["step"] == 3


@pytest.mark.parametrize("factor", [-1.0, float("nan"), None])
def test_a_schedule_has_to_give_a_number(tmp_path, factor):
    with pytest.raises(OptionError, match="schedule gave .* for epoch 0"):
        train(tmp_path / "run", tiny_state(), schedule=lambda *_: factor)


def test_more_steps_than_the_epochs_have(tmp_path):
    with pytest.warns(GanBlocksWarning, match="steps=30 is more .* it ends at step 24"):
        train(tmp_path / "run", state := tiny_state(), steps=30)
    with pytest.warns(GanBlocksWarning, match="its epochs are over"):
        train(tmp_path / "run", state)


def test_grids_of_steps_that_will_come_again_go(tmp_path):
    run = train(tmp_path / "run", tiny_state(), steps=8, sample_every=2, checkpoint_every=2, keep=9)
    (run.path / "state.pt").write_bytes((run.path / "state_000004.pt").read_bytes())
    state = tiny_state(seed=2)
    load_checkpoint(state, run, LOSSES, Stripes())
    train(run.path, state, steps=5)
    grids = sorted(path.name for path in run.samples.iterdir())
    assert grids == ["step_000002.png", "step_000004.png", "step_000005.png"]


@pytest.mark.filterwarnings("ignore:step .* was not finite")
def test_a_training_that_is_stuck_says_so(tmp_path):
    class Nothing(Stripes):
        def __getitem__(self, key):
            return {**super().__getitem__(key), "a": torch.full((3, 16, 16), float("nan"))}

    with pytest.warns(HealthWarning, match="the last 5. steps changed nothing"):
        train(tmp_path / "run", tiny_state(), train_set=Nothing(), epochs=10)
    page = (tmp_path / "run" / "index.html").read_text()
    assert "60 of 60 rows are of a step that changed nothing, first step 1" in page


class Rows(list):
    """A logger that is empty, and so false, at first."""

    closed = False

    def log(self, row):
        self.append(row["step"])

    def picture(self, step, sheet):
        pass

    def close(self):
        self.closed = True


def test_an_empty_logger_is_one(tmp_path):
    rows = Rows()
    train(tmp_path / "run", tiny_state(), steps=2, loggers=[rows])
    assert rows == [1, 2]
    assert rows.closed


def test_a_logger_is_closed_whatever_comes(tmp_path):
    rows = Rows()
    with pytest.raises(OptionError, match="unknown schedule"):
        train(tmp_path / "run", tiny_state(), schedule="cosin", loggers=[rows])
    assert rows.closed


class Fails(Stripes):
    def read(self, epoch, index):
        raise ZeroDivisionError


def test_loggers_take_rows_and_pictures_and_are_closed(tmp_path):
    class Notes:
        def __init__(self):
            self.told = []

        def log(self, row):
            self.told.append(("row", row["step"]))

        def picture(self, step, sheet):
            self.told.append(("picture", step, sheet.shape[0]))

        def close(self):
            self.told.append("closed")

    notes = Notes()
    train(tmp_path / "run", tiny_state(), steps=4, log_every=2, sample_every=4, loggers=[notes])
    assert notes.told == [("row", 2), ("row", 4), ("picture", 4, 3), "closed"]
    notes = Notes()
    with pytest.raises(ZeroDivisionError):
        train(tmp_path / "fails", tiny_state(), train_set=Fails(), loggers=[notes])
    assert notes.told == ["closed"]


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
    log = rows(train(tmp_path / "run", tiny_state(), schedule=schedule, log_every=6))
    assert [float(row["lr"]) for row in log] == pytest.approx(rates, rel=1e-5)
    assert [row["lr_d"] for row in log] == [row["lr"] for row in log]


def test_a_pool_wants_its_pool_again():
    with pytest.raises(RunError, match="pool"):
        tiny_state().load_state_dict(tiny_state(pool_size=2).state_dict())
    assert ImagePool(2).state_dict()["stored"] == []


def test_a_run_without_a_graph_says_why(tmp_path):
    with pytest.warns(GanBlocksWarning, match="without a CUDA graph: the networks are on cpu"):
        train(tmp_path / "run", tiny_state(), steps=1, cuda_graph=True)


def test_fit_goes_on_where_it_is(tmp_path):
    """Twice `fit` in one process is once: nothing of the loop is lost in between."""
    options = {"direction": "b2a", "epochs": 3, "progress": False}
    state = tiny_state()
    for stop in (2, 5, 18):
        run = RunFolder(tmp_path / "run") if stop > 2 else RunFolder.create(tmp_path / "run", {})
        fit(state, LOSSES, Stripes(), Stripes(2), run, steps=stop, **options)
    whole = tiny_state()
    train(tmp_path / "whole", whole, epochs=3)
    assert_equal(state.generator.state_dict(), whole.generator.state_dict())
    assert (state.epoch, state.position, state.step) == (3, 0, 18)


def test_a_state_of_a_run_with_a_cuda_graph_is_read_without():
    saved = tiny_state(seed=1).state_dict()
    for name in ("optimizer_g", "optimizer_d"):
        saved[name]["param_groups"][0] |= {"capturable": True, "lr": torch.tensor(5e-4)}
    state = tiny_state()
    state.load_state_dict(saved)
    group = state.optimizer_g.param_groups[0]
    assert (group["capturable"], group["fused"]) == (False, True)
    assert type(group["lr"]) is float
    assert state.lr == pytest.approx(5e-4)


def test_moments_take_the_layout_of_their_weights():
    """The fused optimiser of the CPU mixes up values in another layout, without a word."""
    images = torch.rand(2, 1, 3, 16, 16)
    plain, other = (
        TrainState(
            UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
            PatchDiscriminator(base_channels=4, n_layers=1),
            lr=1e-3,
        )
        for _ in range(2)
    )
    train_step(plain, *images, LOSSES)
    other.generator.to(memory_format=torch.channels_last)
    other.load_state_dict(plain.state_dict())
    for state in (plain, other):
        for parameter in state.generator.parameters():
            parameter.grad = torch.zeros_like(parameter)  # the moments alone move it
        state.optimizer_g.step()
    for ours, theirs in zip(other.generator.parameters(), plain.generator.parameters()):
        assert torch.allclose(ours, theirs, atol=1e-6)
