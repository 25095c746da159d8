"""The report serves any task: it shows what the log and the spec have, and no more."""

import json
import re
from typing import ClassVar

import pytest
import torch
from run_pages import facts, make_run, page_of, row, with_columns
from torch import nn

from ganblocks import PatchDiscriminator, RunFolder, TrainOptions, UNetGenerator, fit
from ganblocks.tasks import Player, Task


def test_networks_of_other_names_are_loaded_by_them(tmp_path):
    registered = {"type": "resnet"}
    spec = {"networks": {"g_ab": registered, "d_b": registered, "own": {"class": "Mine"}}}
    page = page_of(make_run(tmp_path / "run", spec=spec))
    path = json.dumps(str(tmp_path / "run"))
    assert f'g_ab = ganblocks.load({path}, network="g_ab")' in page.text
    assert f'd_b = ganblocks.load({path}, network="d_b")' in page.text
    assert "own =" not in page.text
    assert "translate" not in page.text
    page = page_of(make_run(tmp_path / "own", spec={"networks": {"own": {"class": "Mine"}}}))
    assert "No network is registered" in page.text
    spec = {"networks": {"generator": registered}, "grid": ["image", "fake"]}
    page = page_of(make_run(tmp_path / "noise", spec=spec))
    assert "generator = ganblocks.load(" in page.text
    assert "translate" not in page.text  # it makes images of noise


def test_held_out_scores_stand_beside_their_baselines(tmp_path):
    spec = {"scores": {"l1": 0.0812, "fid": 31.5, "kid": "nan"}, "baselines": {"l1": 0.2596}}
    page = page_of(make_run(tmp_path / "run", [row(1)], spec=spec))
    found = facts(page)
    assert found["held-out L1"] == "0.0812"
    assert re.search(r"held-out L1\s+0.0812\s+baseline 0.2596\s", page.text)
    assert (found["held-out fid"], found["held-out kid"]) == ("31.5", "–")
    assert page.text.count("baseline 0") == 1
    assert "held-out" not in page_of(make_run(tmp_path / "young", [row(1)])).text


CYCLE = (
    "step,epoch,loss_d_real_a,loss_d_real_b,loss_d,loss_g_a,loss_g_b,loss_g_cycle,loss_g,"
    "grad_norm_d,grad_norm_g,grad_image_b,skipped_d,skipped_g,images_per_s,lr_d,lr_g,val_cycle"
)


def test_the_log_of_another_task_makes_a_sound_report(tmp_path):
    run = make_run(tmp_path / "run", samples=[1], spec={"grid": ["a", "b", "fake_b", "fake_a"]})
    cells = "0.5,0.25,0.75,1,2,3,6,0.5,4,0.125,0,0,10,0.0002,0.0004"
    rows = [f"{step},0,{cells},{step / 8 if step % 4 == 0 else ''}" for step in range(1, 9)]
    (run / "metrics.csv").write_text("\n".join([CYCLE, *rows]) + "\n")
    page = page_of(run)
    assert [svg["aria-label"] for svg in page.all("svg")] == [
        "Total losses. Last values: D 0.75, G 6",
        "real_a. Last values: D 0.5",
        "real_b. Last values: D 0.25",
        "a. Last values: G 1",
        "b. Last values: G 2",
        "cycle. Last values: G 3",
        "Held-out cycle. Last values: score 1",
        "Gradient norms. Last values: D 0.5, G 4",
        "Gradient at the output. Last values: all losses b 0.125",
        "Learning rates. Last values: D 2e-4, G 4e-4",
        "Speed. Last values: images/s 10",
    ]
    found = facts(page)
    assert (found["loss of D"], found["loss of G"]) == ("0.75", "6")
    assert "L1" not in page.text
    assert "alert" not in str(page.tags)


class Unpaired(Task):
    """A CycleGAN with the L2 of least squares; its score is not a number."""

    players: ClassVar = {"discriminator": Player("d_a", "d_b"), "generator": Player("g_ab", "g_ba")}

    def __init__(self):
        super().__init__()
        size = {"base_channels": 4}
        self.g_ab, self.g_ba = (UNetGenerator(num_downs=3, **size) for _ in range(2))
        judges = (PatchDiscriminator(in_channels=3, n_layers=1, **size) for _ in range(2))
        self.d_a, self.d_b = judges

    def generate(self, batch):
        return {"fake_b": self.g_ab(batch["a"]), "fake_a": self.g_ba(batch["b"])}

    def loss(self, player, batch, made):
        fakes = self.d_a(made["fake_a"]), self.d_b(made["fake_b"])
        if player == "generator":
            cycle = nn.functional.l1_loss(self.g_ba(made["fake_b"]), batch["a"])
            return {"adversarial": sum((1 - x).square().mean() for x in fakes), "cycle": cycle}
        reals = self.d_a(batch["a"]), self.d_b(batch["b"])
        distances = [(1 - x).square().mean() for x in reals] + [x.square().mean() for x in fakes]
        return {"adversarial": sum(distances)}

    def score(self, batch):
        return {"l1": 0.5, "odd": float("nan")}


class Noise:
    """Two samples of noise."""

    def __len__(self):
        return 2

    def __getitem__(self, key):
        a, b = torch.rand(2, 3, 16, 16) * 2 - 1
        return {"a": a, "b": b, "name": "noise"}


def test_a_training_of_another_task_writes_its_report(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    options = TrainOptions(epochs=2, device="cpu", progress=False, log_every=1)
    fit(Unpaired(), Noise(), Noise(), run, options)
    assert run.spec["grid"] == ["a", "b", "fake_b", "fake_a"]
    assert run.spec["scores"] == {"l1": 0.5, "odd": "nan"}
    page = page_of(run.path)
    assert [svg["aria-label"].partition(". ")[0] for svg in page.all("svg")] == [
        *("Total losses", "Adversarial losses", "cycle", "Gradient norms", "Learning rates"),
        "Speed",
    ]
    assert "a\nb\nfake_b\nfake_a\n" in page.text
    assert "Unpaired · d_a patch · d_b patch · g_ab unet · g_ba unet · data Noise" in page.text
    found = facts(page)
    assert (found["held-out L1"], found["held-out odd"], found["epoch"]) == ("0.5", "–", "2 of 2")
    assert "val_odd: 1 of 1 rows, first at step 4" in page.text


def test_a_log_of_steps_alone_has_a_page(tmp_path):
    run = make_run(tmp_path / "run")
    (run / "metrics.csv").write_text("step\n3\n")
    page = page_of(run)
    assert facts(page)["step"] == "3"
    assert page.all("svg") == []


def test_players_whose_names_start_alike_are_distinguished(tmp_path):
    run = make_run(tmp_path / "run")
    header = "step,lr_d,lr_d_a,loss_d,loss_d_a,loss_d_a_hinge,loss_d_hinge"
    (run / "metrics.csv").write_text(f"{header}\n1,1,2,3,4,5,6\n")
    labels = [svg["aria-label"] for svg in page_of(run).all("svg")]
    assert labels[:2] == [
        "Total losses. Last values: D 3, d_a 4",
        "hinge. Last values: d_a 5, D 6",
    ]


@pytest.mark.parametrize(
    "grid", [["source", "target", "fake"], ["a", "<b>", "fake_b", "fake_a"], None]
)
def test_the_headings_of_the_grid_are_the_run_s(tmp_path, grid):
    spec = {} if grid is None else {"grid": grid}
    page = page_of(make_run(tmp_path / "run", [row(1)], samples=[1, 2], spec=spec))
    heads = [attrs for attrs in page.all("div") if attrs.get("class") == "heads"]
    [box] = [attrs for attrs in page.all("div") if attrs.get("class") == "samples"]
    large = page.all("img")[0]["alt"]
    if grid is None:
        assert heads == []
        assert "style" not in box
        assert large == "Samples at step 2"
    else:
        assert len(heads) == 1
        assert len(page.all("span")) == len(grid) + 2  # and the steps of the thumbnails
        assert "\n".join(grid) in page.text
        assert box["style"] == f"--columns:{len(grid)}"
        assert large == f"Samples at step 2, from left to right: {', '.join(grid)}"


def test_a_score_that_was_measured_once_is_no_chart(tmp_path):
    run = with_columns(make_run(tmp_path / "run", [row(1), row(2)]), val_l1=["", "0.5"])
    assert not any("Held-out" in svg["aria-label"] for svg in page_of(run).all("svg"))
