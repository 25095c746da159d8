"""The generator of the page on which people draw: its scores are those on the page."""

import json
import os

import pytest
import torch

from _site import draw
from ganblocks import PairedImageDataset, SyntheticFacades, generate, load
from ganblocks.data import LabelFormat
from ganblocks.data.palette import CMP_PALETTE, rgb_to_classes
from ganblocks.inference import evaluate
from ganblocks.inference.evaluation import pairs_options

REAL = os.environ.get("GANBLOCKS_FACADES")
"""The folder of the CMP facades, which the gate names."""


def stored():
    return json.loads((draw.RUN / "scores.json").read_text("utf-8"))["scores"]


def test_the_page_shows_each_score_and_all_are_better_than_their_floors():
    table = draw.scores()
    for name, score in stored().items():
        assert f"| {name} | {score['value']:.3f} ± " in table
        if name != "checkerboard":  # the labels' edges have no period
            sign = 1 if score["better"] == "higher" else -1
            assert sign * score["value"] > sign * score["floor"]


def test_windows_are_seen_where_they_are_drawn():
    labels = SyntheticFacades(4, 256).read(0, 1)[1]
    classes = rgb_to_classes(labels)
    drawn = LabelFormat(CMP_PALETTE).encode(classes[None].byte())
    photo = generate(load(draw.RUN), drawn[None], mode="mean")[0].mean(0)
    bare = torch.full_like(classes, list(CMP_PALETTE).index("facade"))
    empty = LabelFormat(CMP_PALETTE).encode(bare[None].byte())
    plain = generate(load(draw.RUN), empty[None], mode="mean")[0].mean(0)
    plain_edges, edges = (x[64:192, 64:192].diff(dim=1).abs().mean() for x in (plain, photo))
    assert plain_edges < edges / 2


if REAL:

    @pytest.mark.slow
    def test_the_scores_on_real_facades_are_those_of_the_page():
        pairs = PairedImageDataset(REAL, split="val", **pairs_options(draw.RUN))
        scores = evaluate(draw.RUN, pairs, metrics=["l1", "kid"], mode="mean").scores
        for name, score in scores.items():
            assert score["value"] == pytest.approx(stored()[name]["value"], abs=2e-3)
