"""What the tables of a training step say, from figures that are given."""

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import recording
from plain_pix2pix import PlainUNet, plain_patchgan
from roofline import state_bytes
from step_memory import measure, rows_of
from step_targets import print_targets
from step_variants import Setting, variants
from timing import medians
from train_step import timing_rows

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
TINY = Setting(size=32, base_channels=4, device=CPU)


def test_ratios_are_to_plain_fp32_and_to_the_faster_floor_of_the_precision():
    seconds = {
        "plain fp32": 1.0,
        "ours bf16 channels_last": 0.5,
        "floor fp32": 0.8,
        "floor bf16": 0.4,
        "floor bf16 channels_last": 0.25,
    }
    rows = {row[0]: row[1:] for row in timing_rows(seconds)}
    assert rows["plain fp32"] == ("1000", "1.00", "1.25", "1")
    assert rows["ours bf16 channels_last"] == ("500", "0.50", "2.00", "2")
    assert timing_rows({"ours fp32": 1.0}) == [("ours fp32", "1000", "–", "–", "1")]


def test_memory_is_compared_with_the_plain_script_of_the_same_precision_and_batch():
    memories = {
        ("plain fp32", 1): (1000_000_000, 800_000_000),
        ("plain bf16", 1): (2000_000_000, 1000_000_000),
        ("ours bf16, checkpointing", 1): (1500_000_000, 1000_000_000),
    }
    assert rows_of(memories)[2] == ("ours bf16, checkpointing", "1", "1500", "0.75", "500", "0.50")


def test_targets_are_judged_where_there_are_figures(capsys):
    seconds = {"plain fp32": 1.0, "ours fp32, EMA": 0.9, "ours fp32": 0.8, "floor fp32": 0.5}
    print_targets(CPU, seconds, {}, 8)
    assert capsys.readouterr().out.splitlines() == [
        "met    ours fp32 / plain fp32: 0.80, target 0.85",
        "MISSED ours fp32 / floor: 1.60, target 1.1",
    ]
    print_targets(CUDA, {"plain fp32": 0.01, "ours bf16, CUDA graph": 0.0025}, {}, 8)
    assert capsys.readouterr().out.splitlines() == [
        "MISSED our fastest step / plain fp32: 0.25, target 0.2",
        "met    our fastest step, ms: 2.50, target 3",
    ]


def test_targets_of_memory(capsys):
    memories = {
        (f"{whose} {precision}{option}", batch): (peak, 100)
        for precision in ("fp32", "bf16")
        for batch in (1, 4)
        for whose, option, peak in [
            ("plain", "", 200),
            ("ours", "", 190),
            ("ours", ", checkpointing", 150),
        ]
    }
    print_targets(CPU, {}, memories, 4)
    assert capsys.readouterr().out.splitlines()[:2] == [
        "met    peak of ours fp32 / plain, batch 1: 0.95, target 1",
        "met    above the state, checkpointing fp32 / plain, batch 4: 0.50, target 0.6",
    ]


def test_every_step_runs_and_gives_finite_figures():
    images = TINY.images()
    for name, make in variants(CPU).items():
        step = make(TINY)
        for value in step(*images).values():
            assert torch.isfinite(torch.as_tensor(value)), name


def test_names_are_picked_by_a_pattern_and_by_what_the_device_can():
    assert set(variants(CPU, only="plain*")) == {"plain fp32", "plain bf16"}
    assert "ours bf16, compiled" in variants(CPU, compiled=True)
    assert not any("graph" in name for name in variants(CPU, compiled=True))
    assert "ours bf16 channels_last, compiled, CUDA graph" in variants(CUDA, compiled=True)


def test_rounds_alternate_and_those_of_the_warm_up_do_not_count():
    ran = []
    ticks = iter([0, 0, 10, 14, 20, 30, 40, 42, 50, 58])  # a warm-up has no end
    runs = {"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}
    seconds = medians(runs, 2, warm_up=1, repeats=2, clock=lambda: next(ticks))
    assert ran == ["a", "a", "b", "b"] * 3
    assert seconds == {"a": 1.5, "b": 4.5}


@pytest.mark.slow
def test_memory_of_a_step_holds_its_state():
    peak, before = measure(Setting(size=64, base_channels=16, device=CPU), "plain fp32", 1)
    networks = PlainUNet(16, 6), plain_patchgan(16)
    assert peak > before >= state_bytes(*networks) / 2  # held once, where an update moves it twice


def test_script_records_more_than_one_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recording, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["train_step.py", "--record"])
    table = ("step", "ms"), [("plain", "1")]
    recording.report("Title", *table, "A  note.", record=True, name="train_step_memory")
    recording.report("Unrecorded", *table, record=False, name="unrecorded")
    recording.report("Other", ("step",), [("x",)], record=True)
    (written,) = tmp_path.glob("*_memory.json")
    assert json.loads(written.read_text("utf-8"))["note"] == "A note."
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "train_step.json",
        "train_step_memory.json",
    ]
    assert "plain" in capsys.readouterr().out
