"""Exports generators to ONNX and `torch.export`, and verifies the files."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ganblocks._version import __version__
from ganblocks.arguments import checked
from ganblocks.blocks.statistics import OneByOne, copied
from ganblocks.data import PairedImageDataset
from ganblocks.data.readers import require_module
from ganblocks.data.reading import decode, read_side
from ganblocks.errors import GanBlocksError, OptionError, ShapeError
from ganblocks.inference.evaluation import pairs_options
from ganblocks.inference.loading import load
from ganblocks.inference.modes import with_mode
from ganblocks.inference.translator import picture_map
from ganblocks.randomness import own_randomness
from ganblocks.runs.folder import RunFolder, require_not_of_run
from ganblocks.writing import write_atomically

OPSET = 18  # supported by browser runtimes, too
SEE = "onnx-export"
TOLERANCES = {False: 1e-4, True: 2 / 255}
"""With `half`, one level of an 8-bit image."""

SIZES = ((64, 64), (96, 160), (101, 77), (33, 130))
SCALES = (1, 8)  # of the sizes: some deep networks reject small images
TRACED = (768, 1280)  # no inner map of 8 halvings is a single pixel at this size

_Subject = tuple[nn.Module, dict[str, Any], list[Tensor]]


@checked
def export_onnx(
    run: str | Path | nn.Module,
    path: str | Path,
    *,
    mode: str = "mean",
    network: str = "generator",
    weights: str = "auto",
    images: Sequence[str | Path] = (),
    half: bool = False,
) -> float:
    """Exports a generator to ONNX for batches and images of any size.

    The file is verified in ONNX Runtime on batches of random and real images of four sizes,
    including odd ones: each output must equal torch's for that image alone. The input is named
    `input`, the output `output`. The metadata entry `ganblocks` is JSON with the mode, and the
    channels, value range, sizes and format of the images.

    Args:
        run: The run's folder, or a network, such as the result of `load`.
        path: The file, such as `"generator.onnx"`.
        mode: `"mean"`, `"running"` or `"sample"`, as in `generate`. Exported files draw no noise,
            so `"sample"` is for networks without dropout.
        network: Name of the network in the run.
        weights: `"auto"`, `"last"`, `"average"` or `"best"`, as in `load`.
        images: Images to verify the file with; by default some of the run's data, if they still
            exist.
        half: Whether to store the weights in 16 bits, for half the size; computation uses 32 bits.

    Returns:
        The largest difference from torch, for images in [-1, 1]: at most 1e-4, or 2/255 with
        `half`.

    Raises:
        DataError: A package of the `onnx` extra is missing, or an image cannot be read.
        OptionError: The network cannot be exported in this mode.
        RunError: The run does not exist, or the file cannot be written.
        GanBlocksError: The network cannot be exported, or the file's outputs differ.

    Examples:
        >>> import tempfile
        >>> generator = nn.Conv2d(3, 3, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_onnx(generator, Path(folder) / "generator.onnx") < 1e-4
        True
    """
    require_not_of_run(Path(path))
    for package in ("onnx", "onnxscript"):
        require_module(package, "onnx", "ONNX files")
    runtime = require_module("onnxruntime", "onnx", "ONNX files")
    twin, facts, batches = _subject(run, mode, network, weights, images)
    with _explained(twin):
        converted: Any = torch.onnx.export(
            *(_program(twin, batches[0].shape[1]), ()),
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=({0: "batch", 2: "height", 3: "width"},),
            opset_version=OPSET,
            verbose=False,
        )
        model = converted.model_proto
        if half:
            _store_in_half(model)
        model.metadata_props.add(key="ganblocks", value=json.dumps(facts))
        stored = model.SerializeToString()
        session = runtime.InferenceSession(stored, providers=["CPUExecutionProvider"])
    return _written(
        *(path, stored, twin, batches, TOLERANCES[half]),
        lambda x: torch.from_numpy(session.run(None, {"input": x.numpy()})[0]),
    )


@checked
def export_torch(
    run: str | Path | nn.Module,
    path: str | Path,
    *,
    mode: str = "mean",
    network: str = "generator",
    weights: str = "auto",
    images: Sequence[str | Path] = (),
) -> float:
    """Exports a generator with `torch.export`, to run without ganblocks.

    The file is verified as in `export_onnx`; the JSON is the extra file `ganblocks.json`.

    Args:
        run: The run's folder, or a network, such as the result of `load`.
        path: The file, such as `"generator.pt2"`.
        mode: As in `export_onnx`.
        network: As in `export_onnx`.
        weights: As in `export_onnx`.
        images: As in `export_onnx`.

    Returns:
        The largest difference from the network, for images in [-1, 1]: at most 1e-4.

    Raises:
        DataError: An image cannot be read.
        OptionError: The network cannot be exported in this mode.
        RunError: The run does not exist, or the file cannot be written.
        GanBlocksError: The network cannot be exported, or the file's outputs differ.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "generator.pt2"
        ...     difference = export_torch(nn.Conv2d(3, 1, 1), path)
        ...     torch.export.load(path).module()(torch.zeros(1, 3, 50, 70)).shape
        torch.Size([1, 1, 50, 70])
    """
    require_not_of_run(Path(path))
    twin, facts, batches = _subject(run, mode, network, weights, images)
    buffer = io.BytesIO()
    with _explained(twin):
        extra = {"ganblocks.json": json.dumps(facts)}
        torch.export.save(_program(twin, batches[0].shape[1]), buffer, extra_files=extra)
        loaded = torch.export.load(io.BytesIO(buffer.getvalue())).module()
    return _written(path, buffer.getvalue(), twin, batches, TOLERANCES[False], loaded)


def _subject(
    run: str | Path | nn.Module,
    mode: str,
    network: str,
    weights: str,
    images: Sequence[str | Path],
) -> _Subject:
    """Returns a network in its mode, its description, and batches to verify its file with."""
    built = run if isinstance(run, nn.Module) else load(run, weights=weights, network=network)
    name, pictures = type(built).__name__, picture_map(built)
    twin = with_mode(copied(built).float().cpu(), mode)
    channels: Any = pictures.input.channels or getattr(built, "in_channels", 3)
    real = [
        pictures.input.encode(decode(pictures.input, read_side([path]), [path]))
        for path in map(Path, images)
    ]
    if not isinstance(run, nn.Module):
        real = real or _own_images(run, network)
    with own_randomness(torch.device("cpu"), 0), _explained(twin):
        multiple, batches, outputs = _random_images(twin, channels)
        is_noisy = not outputs[0].allclose(twin(batches[0][:1]), rtol=0, atol=1e-6)
    slow = [type(m.norm).__name__ for m in twin.modules() if isinstance(m, OneByOne)]
    if slow or is_noisy:
        does = f"runs {slow[0]} image by image" if slow else "draws noise"
        other = "running" if slow else "mean"
        remedy = "remove it from its forward" if other == mode else f"write mode={other!r}"
        raise OptionError(f"{name} {does} in mode {mode!r}, which a file cannot: {remedy}", see=SEE)
    sides = [
        [list(x.shape[-2:]), list(y.shape[-2:])] for x, y in zip(batches, outputs, strict=True)
    ]
    known = pictures.spec
    facts = {
        "ganblocks": __version__,
        "network": name,
        "mode": mode,
        "input": {"channels": channels, "range": [-1, 1], "format": known["input"]},
        "output": {"channels": outputs[0].shape[1], "range": [-1, 1], "format": known["output"]},
        "sides_are_multiples_of": multiple,
        "trained_at": {"size": known["size"], "resize": known["resize"]},
        "checked_at": sides,
    }
    # Nearest neighbor, so that label maps stay one-hot.
    for nth, (size, _) in enumerate(sides if real else []):
        batches.append(F.interpolate(real[nth % len(real)][None], size))
    return twin, facts, batches


def _random_images(twin: nn.Module, channels: int) -> tuple[int, list[Tensor], list[Tensor]]:
    """Returns the divisor of the sides, batches of four sizes, and the outputs of the first."""
    problems: list[Exception] = []
    for multiple, scale in product((1, getattr(twin, "size_multiple", 64)), SCALES):
        sizes = [
            [-(-(side * scale | side & 1) // multiple) * multiple for side in size]
            for size in SIZES
        ]
        images = [torch.rand(2, channels, *size) * 2 - 1 for size in sizes]
        try:
            outputs = [twin(image[:1]) for image in images]
            if any(y.dim() != 4 or len(y) != 1 for y in outputs):
                raise ShapeError(f"its outputs have shapes such as {tuple(outputs[0].shape)}")
        except Exception as error:  # torch raises many types
            problems.append(error)
        else:
            return multiple, images, outputs
    raise GanBlocksError(
        f"{type(twin).__name__} cannot be exported: it does not map images (B, {channels}, H, W) "
        f"of four sizes to images: {_line(problems[0])}",
        see=SEE,
    ) from problems[0]


def _own_images(run: str | Path, network: str) -> list[Tensor]:
    root = RunFolder.open(run).spec.get("options", {}).get("data")
    with suppress(GanBlocksError):
        if isinstance(root, str) and Path(root).exists():
            pairs = PairedImageDataset(root, strict=False, **pairs_options(run, network))
            return [pairs[0, nth]["source"] for nth in range(min(len(SIZES), len(pairs)))]
    return []


def _program(twin: nn.Module, channels: int) -> ExportedProgram:
    example = torch.zeros(2, channels, *TRACED)
    free = ({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)
    # Otherwise torch's layout checks reject an inner map of a single pixel.
    with import_module("torch.fx.experimental._config").patch(backed_size_oblivious=True):
        program = torch.export.export(twin, (example,), dynamic_shapes=free)
    program.example_inputs = None  # the file would contain them
    return program


def _store_in_half(model: Any) -> None:
    """Stores the large weights of an ONNX model in 16 bits, and casts them on loading."""
    onnx: Any = import_module("onnx")
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= 256:
            whole, stored = tensor.name, f"{tensor.name}.half"
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
            casts.append(
                onnx.helper.make_node("Cast", [stored], [whole], to=onnx.TensorProto.FLOAT)
            )
    nodes = [*casts, *model.graph.node]  # in this order, which ONNX requires
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _written(
    path: str | Path,
    stored: bytes,
    twin: nn.Module,
    batches: list[Tensor],
    tolerance: float,
    run: Callable[[Tensor], Tensor],
) -> float:
    """Writes a file if its outputs match the network's, and returns the largest difference."""
    largest = 0.0
    for image in batches:
        with _explained(twin):
            alone = torch.cat([twin(one) for one in image.split(1)])
            difference = float((run(image) - alone).abs().max())
        if not difference <= tolerance:
            remedy = ": write half=False" if tolerance == TOLERANCES[True] else ""
            raise GanBlocksError(
                f"{path} is not written: for images of {image.shape[-2]}×{image.shape[-1]}, its "
                f"output differs by {difference:.2g} from the network's, more than {tolerance:.2g}"
                f"{remedy}",
                see=SEE,
            )
        largest = max(largest, difference)
    write_atomically(Path(path), stored)
    return largest


@contextmanager
def _explained(network: nn.Module) -> Iterator[None]:
    """Re-raises errors of torch and runtimes as `GanBlocksError`, and hides their output."""
    before = logging.root.manager.disable
    try:
        with torch.no_grad(), warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            logging.disable()
            yield
    except GanBlocksError:
        raise
    except Exception as error:
        name = type(network).__name__
        raise GanBlocksError(f"{name} cannot be exported: {_line(error)}", see=SEE) from error
    finally:
        logging.disable(before)


def _line(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).strip().partition("\n\n")[0].split()) or type(error).__name__
