"""The recipe as a person runs it: a process of its own, flags, files, exit codes."""

import csv
import math
import re
import signal
import time

import pytest
import torch
from PIL import Image
from recipe_process import start

import ganblocks


def steps(run):
    with (run / "metrics.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def make_pairs(root, count=4, splits=("train", "val"), size=(64, 32)):
    for split in splits:
        folder = root / split
        folder.mkdir(parents=True)
        for number in range(count):
            picture = Image.new("RGB", size, (40 * number, 90, 10))
            picture.paste((0, 0, 255), (size[0] // 2, 0, *size))
            picture.save(folder / f"{number}.png")
    return root


def test_a_run_from_start_to_translation(recipe, tmp_path):
    code, out, err = recipe("--steps", 3, "--log-every", 1)
    assert code == 0, err
    run = tmp_path / "runs" / "facades"
    first, scored, _ = out.splitlines()
    assert first == "b (labels, 12 colors) → a (photo), 400 train, 40 val"
    assert re.fullmatch(r"held-out L1 0\.\d{4}; mean target 0\.\d{4}", scored)
    assert str(run.relative_to(tmp_path) / "index.html") in out
    assert steps(run) == [1, 2, 3]
    spec = ganblocks.RunFolder.open(run).spec
    assert spec["options"]["direction"] == "b2a"
    assert spec["networks"]["generator"]["num_downs"] == 3
    assert spec["versions"]["torch"] == torch.__version__
    output = ganblocks.translate(ganblocks.load(run), Image.new("RGB", (50, 41)))
    assert output.size == (50, 41)


@pytest.mark.parametrize(
    "flags",
    [
        ("--norm", "instance"),
        ("--adversarial", "lsgan"),
        ("--generator", "unet_256_tutorial"),
        ("--direction", "a2b"),
        ("--penalty", "r1_r2", "--penalty-interval", 4, "--penalty-weight", 2),
        ("--augment", "diff_augment"),
        ("--up", "bilinear", "--up-padding", "reflect"),
    ],
)
def test_flags_reach_the_components(recipe, tmp_path, flags):
    code, _, err = recipe("--steps", 1, *flags)
    assert code == 0, err
    spec = ganblocks.RunFolder.open(tmp_path / "runs" / "facades").spec
    objective = spec["task"]["objective"]
    reached = {
        "--norm": lambda: (
            [network["norm"] for network in spec["networks"].values()] == ["instance"] * 2
        ),
        "--adversarial": lambda: objective["terms"]["adversarial"] == "lsgan",
        "--penalty": lambda: (
            objective["terms"]["r1_r2"]
            == {"type": "r1_r2", "scalar": "mean", "interval": 4, "weight": 2.0}
        ),
        "--augment": lambda: spec["task"]["augment"] == "diff_augment",
        "--generator": lambda: spec["networks"]["generator"]["dialect"] == "tutorial",
        "--direction": lambda: spec["data"]["train"]["direction"] == "a2b",
        "--up": lambda: (
            spec["networks"]["generator"]["up"] == {"type": "bilinear", "padding_mode": "reflect"}
        ),
    }
    assert reached[flags[0]]()


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("paper", ("vanilla", 100.0, "deconv", 200)),
        ("tutorial", ("lsgan", 10.0, "deconv", 200)),
        ("best", ("lsgan", 10.0, "nearest", 60)),
    ],
)
def test_a_flag_beside_a_preset_wins(recipe, tmp_path, preset, expected):
    data = make_pairs(tmp_path / "pairs")
    code, _, err = recipe("--preset", preset, "--data", data, "--steps", 2)
    assert code == 0, err
    options = ganblocks.RunFolder.open(tmp_path / "runs" / "facades").spec["options"]
    assert tuple(options[name] for name in ("adversarial", "lambda_l1", "up", "epochs")) == expected
    assert (options["crop_size"], options["lr"], options["schedule"]) == (32, 2e-4, "linear")
    assert steps(tmp_path / "runs" / "facades") == [1, 2]


def test_the_arguments_of_training_reach_it(recipe, tmp_path):
    data = make_pairs(tmp_path / "pairs")
    code, _, err = recipe(
        *("--data", data, "--steps", 5, "--log-every", 1, "--checkpoint-every", 2, "--epochs", 4),
        *("--ema", 0.9, "--pool-size", 3, "--keep-last", 2, "--best-by", "l1"),
        *("--lr", 1e-3, "--lr-discriminator", 4e-3, "--schedule", "cosine", "--clip-norm", 1e-3),
        *("--batch-size", 2, "--accumulate", 2, "--norm", "instance", "--precision", "fp32"),
    )
    assert code == 0, err
    run = ganblocks.RunFolder.open(tmp_path / "runs" / "facades")
    state = run.load_state()
    assert state["averages"]["generator"]["updates"] == 5
    assert len(state["ranks"][0]["memory"]["pool._extra_state"]["stored"]) == 3
    assert (state["epoch"], state["samples_seen"]) == (2, 2)
    names = {path.name for path in run.path.iterdir()}
    assert {"state_000004.pt", "state_000005.pt", "best_generator.safetensors"} <= names
    with run.metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4", "5"]
    half = (1 + math.cos(math.pi / 4)) / 2  # the second of four epochs
    assert float(rows[2]["lr_g"]) == pytest.approx(1e-3 * half, rel=1e-5)
    assert float(rows[2]["lr_d"]) == pytest.approx(4e-3 * half, rel=1e-5)
    assert run.spec["options"]["clip_norm"] == 1e-3


def test_without_an_adversarial_loss_the_discriminator_rests(recipe, tmp_path):
    code, _, err = recipe("--steps", 2, "--log-every", 1, "--adversarial", "none")
    assert code == 0, err
    with (tmp_path / "runs" / "facades" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert not [column for column in rows[0] if column.startswith("d_")]
    assert all(float(row["loss_g_l1"]) > 0 for row in rows)


def test_a_run_stopped_before_its_first_checkpoint_begins_anew(recipe, tmp_path):
    assert recipe("--steps", 2, "--log-every", 1)[0] == 0
    run = tmp_path / "runs" / "facades"
    (run / "state.pt").unlink()
    code, _, err = recipe("--resume")
    assert code == 2
    assert "contains a trained run, but its checkpoint state.pt is missing: restore it" in err
    for weights in run.glob("*.safetensors"):
        weights.unlink()
    code, _, err = recipe("--resume")
    assert code == 0, err
    assert steps(run) == [1, 2]


def test_gray_pictures_stay_gray(recipe, tmp_path):
    data = make_pairs(tmp_path / "pairs")
    gray = '{"type": "image", "channels": 1, "labels": false}'
    code, out, err = recipe("--data", data, "--steps", 1, "--a-format", gray, "--b-format", gray)
    assert code == 0, err
    assert out.startswith("b (gray photo) → a (gray photo), a | b in one file, 4 train, 4 val")
    run = tmp_path / "runs" / "facades"
    spec = ganblocks.RunFolder.open(run).spec
    sides = [spec["networks"]["generator"][side] for side in ("in_channels", "out_channels")]
    assert [*sides, spec["networks"]["discriminator"]["in_channels"]] == [1, 1, 2]
    assert ganblocks.translate(ganblocks.load(run), Image.new("L", (50, 41))).mode == "L"


def test_a_tenth_is_held_out_if_no_folder_is(recipe, tmp_path):
    data = make_pairs(tmp_path / "pairs", splits=("train",))
    code, out, err = recipe("--data", data, "--steps", 1, "--out", "run")
    assert code == 0, err
    assert "1 of 4 held out by name, 3 train, 1 val" in out


def test_pairs_that_are_trained_on_are_not_called_held_out(recipe, tmp_path):
    data = make_pairs(tmp_path / "pairs", splits=("train",))
    code, out, err = recipe("--data", data, "--steps", 1, "--held-out", 0)
    assert code == 0, err
    assert "no val/ and no test/" in out
    assert "grids and scores are of training samples" in out


def test_a_folder_without_splits_is_enough(recipe, tmp_path):
    make_pairs(tmp_path / "pairs", splits=("train",))
    (tmp_path / "pairs" / "train").rename(tmp_path / "flat")
    code, _, err = recipe("--data", tmp_path / "flat", "--steps", 1)
    assert code == 0, err


def test_resume_takes_no_flag_twice_and_refuses_another_model(recipe, tmp_path):
    assert recipe("--steps", 2, "--log-every", 1, "--lr", 0.005)[0] == 0
    run = tmp_path / "runs" / "facades"
    assert recipe("--resume", "--steps", 4)[0] == 0
    assert steps(run) == [1, 2, 3, 4]
    assert ganblocks.RunFolder.open(run).spec["options"]["lr"] == 0.005
    before = (run / "state.pt").read_bytes()
    code, _, err = recipe("--resume", "--base-channels", 8)
    assert code == 2
    assert err.splitlines()[-1].startswith("error: --resume with --base-channels 8: the run has 4")
    assert (run / "state.pt").read_bytes() == before


@pytest.mark.slow
def test_kill_9_and_resume_leave_a_log_without_gap_or_repeat(tmp_path):
    flags = ["--steps", "40", "--log-every", "1", "--checkpoint-every", "5", "--out", "run"]
    process = start(tmp_path, *flags)
    run = tmp_path / "run"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:  # past a checkpoint, and past some steps after it
        if (run / "state.pt").exists() and len(steps(run)) >= 13:
            break
        time.sleep(0.05)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 13 <= len(steps(run)) < 40
    assert start(tmp_path, "--resume", "--out", "run").wait() == 0
    assert steps(run) == list(range(1, 41))
    assert start(tmp_path, *flags[:-1], "undisturbed").wait() == 0
    ours, theirs = (torch.load(tmp_path / n / "state.pt") for n in ("run", "undisturbed"))
    for name, network in theirs["networks"].items():
        for key, value in network.items():
            assert torch.equal(ours["networks"][name][key], value), key


def truncated(root):
    path = root / "train" / "2.jpg"
    Image.effect_noise((64, 32), 80).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-300])
    (root / "train" / "2.png").unlink()


def unpaired(root):
    for side in "ab":
        (root / "train" / side).mkdir()
        (root / "val" / side).mkdir()
        for split in ("train", "val"):
            for path in (root / split).glob("*.png"):
                with Image.open(path) as picture:
                    picture.crop((0, 0, 32, 32)).save(root / split / side / path.name)
    (root / "train" / "b" / "3.png").unlink()


def emptied(root):
    for path in (root / "train").iterdir():
        path.unlink()


BAD = {
    "missing folder": (lambda root: root.rename(root.with_name("gone")), [], "no folder pairs"),
    "unpaired file": (unpaired, [], "3.png: has no partner"),
    "truncated JPEG": (truncated, [], "2.jpg: cannot be read"),
    "wrong direction": (
        None,
        ["--direction", "AtoB"],
        "unknown --direction 'AtoB': did you mean 'a2b'? Allowed: 'a2b', 'b2a'",
    ),
    "zero images": (emptied, [], "no images in"),
    "crop larger than load": (None, ["--crop-size", "40"], "crop_size 40"),
    "crop larger than drawn": (None, ["--data", "synthetic", "--crop-size", "64"], "64"),
    "unwritable out": (None, ["--out", "file/run"], "choose another folder"),
    "unreadable out": (None, ["--out", "/proc/run"], "choose another folder"),
    "resume of nothing": (None, ["--resume", "--out", "other"], "contains no run"),
    "unknown norm": (None, ["--norm", "bath"], "unknown --norm 'bath': did you mean 'batch'"),
    "unknown device": (None, ["--device", "gpu"], "unknown device 'gpu'"),
    "patch too large": (None, ["--n-layers", "5"], "fewer n_layers"),
    "no steps": (None, ["--steps", "0"], "--steps is 0"),
    "no epochs": (None, ["--epochs", "0"], "--epochs is 0"),
    "no batch": (None, ["--batch-size", "0"], "--batch-size is 0"),
    "negative rate": (None, ["--lr", "-1"], "--lr is -1"),
    "negative workers": (None, ["--workers", "-1"], "--workers is -1"),
    "negative seed": (None, ["--seed", "-1"], "--seed is -1"),
    "rate that is no number": (None, ["--lr", "nan"], "--lr is nan"),
    "infinite weight": (None, ["--lambda-l1", "inf"], "--lambda-l1 is inf"),
    "huge seed": (None, ["--seed", "9" * 23], "at most 9223372036854775807"),
    "no folder": (None, ["--out", ""], "the argument after --out is empty"),
    "device of nothing": (None, ["--device", "auto:1"], "device 'auto:1'"),
    "device without number": (None, ["--device", "cpu:"], "device 'cpu:'"),
    "penalty without a name": (None, ["--penalty-weight", "5"], "need a penalty: choose one"),
    "no such channels": (None, ["--a-format", '{"type": "image", "channels": 7}'], "channels"),
    "no JSON": (None, ["--b-format", "{labels: 12}"], "is not JSON"),
    "no such pattern": (None, ["--a", "a/*"], "a is set without b"),
    "no such size": (None, ["--load-size", "256x"], "invalid size '256x'"),
    "no logging": (None, ["--log-every", "0"], "--log-every is 0"),
    "unequal parts": (
        None,
        ["--batch-size", "4", "--accumulate", "3"],
        "not a multiple of accumulate=3",
    ),
    "no such average": (None, ["--ema", "1.5"], "decay is 1.5"),
    "unknown schedule": (None, ["--schedule", "cosin"], "did you mean 'cosine'"),
    "nothing clipped": (None, ["--clip-norm", "-1"], "--clip-norm is -1"),
    "no checkpoint": (None, ["--keep-last", "0"], "--keep-last is 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line_and_exit_code_2(recipe, tmp_path, case):
    damage, flags, message = BAD[case]
    root = make_pairs(tmp_path / "pairs")
    (tmp_path / "file").write_text("")
    if damage:
        damage(root)
    code, out, err = recipe("--data", "pairs", "--steps", 1, "--out", "run", *flags)
    assert code == 2, err
    assert "Traceback" not in err
    assert message in err.partition("error:")[2], err
    assert not (tmp_path / "run").exists()
    line = "b (photo) → a (labels, 2 colors), a | b in one file, 4 train, 4 val\n"
    assert out in ("", line)


def test_a_checkpoint_of_another_model(recipe, tmp_path):
    for out, base in (("run", 4), ("other", 8)):
        assert recipe("--steps", 1, "--base-channels", base, "--out", out)[0] == 0
    state = (tmp_path / "other" / "state.pt").read_bytes()
    (tmp_path / "run" / "state.pt").write_bytes(state)
    code, _, err = recipe("--resume", "--out", "run", "--steps", 2)
    assert code == 2
    assert "to another task: generator.base_channels was 8, and is now 4" in err
    assert (tmp_path / "run" / "state.pt").read_bytes() == state


def test_a_run_is_not_written_over(recipe, tmp_path):
    assert recipe("--steps", 1)[0] == 0
    code, _, err = recipe("--steps", 1)
    assert code == 2
    assert "already contains a run" in err


@pytest.mark.parametrize("name", ["index.html", "metrics.csv", "generator.safetensors"])
def test_files_of_ones_own_are_not_written_over(recipe, tmp_path, name):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / name).write_text("mine")
    code, _, err = recipe("--steps", 1, "--out", "site")
    assert code == 2
    assert name in err
    assert [p.read_text() for p in (tmp_path / "site").iterdir()] == ["mine"]


def test_a_changed_number_of_steps_is_kept(recipe, tmp_path):
    assert recipe("--steps", 1)[0] == 0
    assert recipe("--resume", "--steps", 3)[0] == 0
    run = tmp_path / "runs" / "facades"
    assert ganblocks.RunFolder.open(run).spec["options"]["steps"] == 3


@pytest.mark.parametrize("text", ["[1]", "{}", '{"options": {"new_flag": 1}}'])
def test_resume_with_a_strange_spec(recipe, tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spec.json").write_text(text)
    code, _, err = recipe("--resume", "--out", "run")
    assert code == 2, err
    assert "Traceback" not in err


def test_cmp_without_network_says_how_to_place_the_files(recipe, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    code, _, err = recipe("--data", "cmp", "--steps", 1)
    assert code == 2
    assert "facades" in err.partition("error:")[2]
    assert "Traceback" not in err
