"""`ganblocks translate`: translates images with the generator of a run."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from typing import Any

from ganblocks.commands import add_run
from ganblocks.errors import DataError
from ganblocks.randomness import own_randomness


def add_to(actions: Any) -> None:
    """Adds `translate` to the command's actions."""
    parser = actions.add_parser(
        "translate",
        help="translate images with the generator of a run",
        description="Translates files, folders and patterns. Images are read, resized and written "
        "with the options of the run's data.",
    )
    add_run(parser)
    parser.add_argument("inputs", nargs="+", help="files, folders, or patterns such as 'in/*.png'")
    parser.add_argument("--out", required=True, help="output folder")
    parser.add_argument(
        "--mode",
        default="sample",
        choices=["sample", "mean", "running"],
        help="sample: with noise; mean: without noise; running: with running statistics",
    )
    parser.add_argument(
        "--size",
        default="trained",
        choices=["trained", "as it is"],
        help="size of the network's inputs",
    )
    parser.add_argument("--tile", type=int, help="cut larger images into tiles of this size")
    parser.add_argument("--samples", type=int, default=1, help="number of translations per image")
    parser.add_argument("--seed", type=int, help="seed of the noise")
    parser.add_argument("--batch-size", type=int, help="maximum batch size")
    parser.add_argument("--bf16", action="store_true", help="compute in bfloat16")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=translate_files)


def translate_files(arguments: argparse.Namespace) -> None:
    """Translates the files; unreadable ones are reported and skipped."""
    from tqdm import tqdm

    from ganblocks.inference import Translator, load
    from ganblocks.inference.translator import expanded
    from ganblocks.training import resolve_device

    device = resolve_device(arguments.device)
    generator = load(arguments.run_folder, weights=arguments.weights, network=arguments.network)
    translator = Translator(
        generator.to(device),
        mode=arguments.mode,
        size=arguments.size,
        tile=arguments.tile,
        bf16=arguments.bf16,
    )
    count = len(expanded(arguments.inputs, arguments.out))
    seeded = nullcontext() if arguments.seed is None else own_randomness(device, arguments.seed)
    problems = 0
    with seeded, tqdm(total=count, unit="picture", disable=None) as bar:
        for result in translator.files(
            arguments.inputs,
            arguments.out,
            samples=arguments.samples,
            batch_size=arguments.batch_size,
        ):
            bar.update()
            if result.error is not None:
                problems += 1
                bar.write(f"problem: {result.error}", file=sys.stderr)
    print(f"{count - problems} of {count} images in {arguments.out}")
    if problems:
        raise DataError(f"{problems} of {count} images could not be translated")
