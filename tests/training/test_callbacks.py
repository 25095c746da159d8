"""Callbacks: called in order, left out, replaced; and what the log counts."""

from tiny import Stripes, tiny_task
from trained import rows, train

import ganblocks
from ganblocks import Callback, UNetGenerator
from ganblocks.training import GridCallback, HealthCallback, LogCallback, ScoreCallback


def test_callbacks_are_left_out_replaced_and_closed(tmp_path):
    class Notes(Callback):
        def __init__(self):
            self.seen = []

        def start(self, training):
            self.seen.append(("start", training.step))

        def step(self, training, batch, metrics):
            self.seen.append(("step", training.step, batch["name"], "loss_g_l1" in metrics))

        def log(self, training, row):
            self.seen.append(("row", row["step"]))

        def checkpoint(self, training):
            self.seen.append(("saved", training.run.load_state()["step"]))

        def close(self):
            self.seen.append("closed")

    notes = Notes()
    run, _ = train(tmp_path / "run", steps=2, log_every=2, callbacks=[notes])
    names = [entry[2] for entry in notes.seen if entry[0] == "step"]
    assert all(name[0].startswith("0-") for name in names)
    assert [entry[0] for entry in notes.seen[:-1]] == ["start", "step", "step", "row", "saved"]
    assert notes.seen[-1] == "closed"
    assert not run.metrics.exists()
    assert not (run.path / "index.html").exists()
    kinds = [type(c) for c in ganblocks.training.default_callbacks(progress=False)]
    assert kinds[:4] == [ScoreCallback, LogCallback, GridCallback, HealthCallback]


def test_scores_of_a_callback_are_logged_beside_those_of_the_task(tmp_path):
    class Constant(Callback):
        def score(self, training):
            training.scores["val_mine"] = 2.0

    callbacks = [Constant(), ScoreCallback(), LogCallback()]
    run, _ = train(tmp_path / "run", steps=1, callbacks=callbacks)
    assert float(rows(run)[0]["val_mine"]) == 2
    assert float(rows(run)[0]["val_l1"]) > 0


def test_images_per_second_counts_the_images_that_there_are(tmp_path, monkeypatch):
    """A batch that is larger than the data; the clock stands still while the cache is filled."""
    now = [0.0]
    monkeypatch.setattr("ganblocks.training.metric_buffer.time.perf_counter", lambda: now[0])

    class Slow(Stripes):
        varies_by_epoch = False

        def read(self, epoch, index):
            now[0] += 1000  # decoding, before the first step
            return super().read(0, index)

    class Second(Callback):
        def step(self, training, batch, metrics):
            now[0] += 500  # what a callback takes is no time of the step

    def ticking(self, *given):
        now[0] += 1
        return step(self, *given)

    step = ganblocks.Updater.step
    monkeypatch.setattr(ganblocks.Updater, "step", ticking)
    callbacks = [LogCallback(), Second()]
    task = tiny_task(generator=UNetGenerator(base_channels=4, num_downs=3, norm="instance"))
    run, _ = train(tmp_path / "run", task, Slow(3), batch_size=4, steps=3, callbacks=callbacks)
    assert [float(row["images_per_s"]) for row in rows(run)] == [3.0] * 3
