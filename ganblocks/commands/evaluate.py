"""`ganblocks evaluate`: scores a run on pairs, and writes a page with all images."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from ganblocks._version import __version__
from ganblocks.commands import add_run
from ganblocks.data import PairedImageDataset, held_out_split
from ganblocks.errors import DataError, OptionError


def add_to(actions: Any) -> None:
    """Adds `evaluate` to the command's actions."""
    parser = actions.add_parser(
        "evaluate",
        help="score the generator of a run on held-out pairs",
        description="Scores the generator of a run on pairs, read with the options of its "
        "training data, and writes scores.json and a page with all images.",
    )
    add_run(parser)
    parser.add_argument("--data", required=True, help="folder of pairs, or a CSV file")
    parser.add_argument("--split", help="a split such as test, or all (default: val, else test)")
    parser.add_argument("--out", help="output folder (default: results/ in the run's folder)")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=["l1", "psnr", "ssim"],
        metavar="NAME",
        help="metrics, as in ganblocks list metrics",
    )
    parser.add_argument("--train-data", help="pairs to train the label score's segmenter on")
    parser.add_argument(
        "--mode",
        default="sample",
        choices=["sample", "mean", "running"],
        help="sample: with noise; mean: without noise; running: with running statistics",
    )
    parser.add_argument("--limit", type=int, help="number of images to use, evenly spaced")
    parser.add_argument("--batch-size", type=int, default=8, help="maximum batch size")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=evaluate_run)


def evaluate_run(arguments: argparse.Namespace) -> None:
    """Writes and prints the scores; unreadable images are reported and skipped."""
    from ganblocks.inference.evaluation import evaluate, pairs_options
    from ganblocks.inference.label_score import LABEL
    from ganblocks.report import write_card
    from ganblocks.report.results import save_pictures, write_results
    from ganblocks.runs.folder import require_not_of_run
    from ganblocks.writing import os_errors_explained, write_atomically

    run, root, out = (Path(x or "") for x in (arguments.run_folder, arguments.data, arguments.out))
    out = out if arguments.out else run / "results"
    require_not_of_run(out / "index.html")
    options = pairs_options(run, arguments.network)
    found = {name: options[name] for name in ("a", "held_out") if name in options}
    split = arguments.split or held_out_split(root, **found)
    part = None if split == "all" else split
    pairs = PairedImageDataset(root, split=part, strict=False, **options)
    learns = not {"label", *LABEL}.isdisjoint(arguments.metrics)
    if arguments.train_data and not learns:
        raise OptionError("--train-data is for the label score: add --metrics label, or omit it")
    train = _train_pairs(Path(arguments.train_data or root), options) if learns else None
    with os_errors_explained(out):
        (out / "pictures").mkdir(parents=True, exist_ok=True)

    def show(index: int, row: dict[str, Any], images: Any) -> None:
        row["picture"] = f"pictures/{index:05d}"
        save_pictures(out / row["picture"], images, pairs.formats)

    names = ("metrics", "weights", "network", "mode", "limit", "batch_size", "seed", "device")
    settings = {name: getattr(arguments, name) for name in names}
    result = evaluate(run, pairs, **settings, train=train, progress=True, show=show)
    problems = [*pairs.problems, *result.problems]
    results = {"scores": result.scores, "problems": problems, "rows": result.rows}
    facts = {"run": str(run), **settings, "root": str(root), "data": pairs.fingerprint()}
    facts["count"] = len(result.rows)
    facts["versions"] = {"ganblocks": __version__, "torch": torch.__version__}
    # JSON has no NaN and no infinity: they become null.
    plain = json.loads(json.dumps({**facts, **results}), parse_constant=lambda _: None)
    text = json.dumps(plain, indent=2) + "\n"
    write_atomically(out / "scores.json", text.encode())
    lines = [
        f"{len(result.rows)} of {len(pairs)} images of {root}, {split}, {pairs.direction}",
        f"{arguments.weights} weights of the {arguments.network}, mode {arguments.mode}",
        f"written {datetime.now():%Y-%m-%d %H:%M} by ganblocks {__version__}",
    ]
    if not arguments.out:
        write_card(run)
    page = write_results(out, f"Results of {run.resolve().name}", lines, results)
    for name, score in result.scores.items():
        ends = f"floor {score['floor']:.4g}, ceiling {score['ceiling']:.4g}"
        count = f"{score['count']} image{'s' * (score['count'] != 1)}"
        print(f"{name} {score['value']:.4g} ± {score['error']:.2g} ({ends}), {count}")
    print(f"look at {page}")
    if problems:
        raise DataError("\n".join([f"{len(problems)} left out:", *problems[:20]]))


def _train_pairs(root: Path, options: dict[str, Any]) -> PairedImageDataset:
    try:
        return PairedImageDataset(root, split="train", strict=False, **options)
    except DataError as error:
        raise DataError(
            f"{error}. The label score learns to read labels from pairs that are not scored: "
            "write the folder of their split train after --train-data"
        ) from None
