"""Generators as files for other programs, in ONNX and `torch.export`, checked before they stay."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config as symbolic_shapes

from ganblocks._version import __version__
from ganblocks.arguments import checked
from ganblocks.data import PairedImageDataset
from ganblocks.data.readers import require_module
from ganblocks.data.reading import decode, read_side
from ganblocks.errors import GanBlocksError, OptionError
from ganblocks.inference.evaluation import pairs_options
from ganblocks.inference.loading import load
from ganblocks.inference.modes import with_mode
from ganblocks.inference.translator import picture_map
from ganblocks.randomness import own_randomness
from ganblocks.runs import RunFolder
from ganblocks.runs.folder import write_atomically

OPSET = 18
"""Also of runtimes in browsers."""

SEE = "onnx-export"
TOLERANCE = 1e-4
HALF_TOLERANCE = 2 / 255
"""One level of an 8-bit picture."""

SIZES = ((64, 64), (96, 160), (101, 77), (33, 130))
MULTIPLES = [1 << power for power in range(9)]
UNITS = (1, 8)
"""What `SIZES` are multiplied by: some deep networks need larger images."""

EXAMPLE = (768, 1280)
"""The size of the images that are traced; they are not computed."""


class _Subject(NamedTuple):
    """What is exported: the network in its mode, its description, and images to check it with."""

    twin: nn.Module
    facts: dict[str, Any]
    images: list[Tensor]


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
    """Writes a generator as an ONNX file for batches and images of any size.

    ONNX Runtime runs the file before it stays: at four sizes, odd ones included, on random images
    and on real ones, each output of a batch must equal that of its image alone in torch.

    The file's metadata hold, under `ganblocks`, JSON that says how to use it: the mode, and the
    channels, value range and format of the images. The input is `input`, the output `output`.

    Args:
        run: The run's folder, or a network, such as the result of `load`.
        path: The file, such as `"generator.onnx"`.
        mode: `"mean"`, `"running"` or `"sample"`, as in `generate`. Files have no noise: `"sample"`
            is for networks without dropout.
        network: Name of the network in the run.
        weights: `"auto"`, `"last"`, `"average"` or `"best"`, as in `load`.
        images: Pictures to check the file with; by default those that the run was trained on, if
            they are still there.
        half: Whether to store the weights in 16 bits, for half the size; the file computes in 32.

    Returns:
        The largest difference between an output and torch's, at most 1e-4, with `half` 2/255.

    Raises:
        DataError: A package of `pip install "ganblocks[onnx]"` is missing, or an image cannot be
            read.
        OptionError: The network draws noise in this mode.
        RunError: There is no such run, or the file cannot be written.
        GanBlocksError: The network cannot be exported, or its outputs differ.

    Examples:
        >>> import tempfile
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_onnx(generator, Path(folder) / "generator.onnx") < 1e-4
        True
    """
    for package in ("onnx", "onnxscript"):
        require_module(package, "onnx", "ONNX files")
    runtime = require_module("onnxruntime", "onnx", "ONNX files")
    subject = _subject(run, mode, network, weights, images)
    with _explained(subject.twin):
        free = ({0: "batch", 2: "height", 3: "width"},)
        converted: Any = torch.onnx.export(
            *(_program(subject), ()),
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=free,
            opset_version=OPSET,
            verbose=False,
        )
        model = converted.model_proto
        if half:
            _store_in_half(model)
        model.metadata_props.add(key="ganblocks", value=json.dumps(subject.facts))

    def opened(temporary: Path) -> Callable[[Tensor], Tensor]:
        session = runtime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        return lambda x: torch.from_numpy(session.run(None, {"input": x.numpy()})[0])

    return _written(
        subject,
        path,
        lambda temporary: temporary.write_bytes(model.SerializeToString()),
        opened,
        HALF_TOLERANCE if half else TOLERANCE,
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
    """Writes a generator as a program of `torch.export`, which runs without ganblocks.

    It is loaded and checked as in `export_onnx`; the description is the extra file
    `ganblocks.json`.

    Args:
        run: The run's folder, or a network, such as the result of `load`.
        path: The file, such as `"generator.pt2"`.
        mode: As in `export_onnx`.
        network: Name of the network in the run.
        weights: As in `load`.
        images: As in `export_onnx`.

    Returns:
        The largest difference between an output and the network's, at most 1e-4.

    Raises:
        DataError: An image cannot be read.
        OptionError: The network draws noise in this mode.
        RunError: There is no such run, or the file cannot be written.
        GanBlocksError: The network cannot be exported, or its outputs differ.

    Examples:
        >>> import tempfile
        >>> from ganblocks import UNetGenerator
        >>> generator = UNetGenerator(base_channels=4, num_downs=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "generator.pt2"
        ...     difference = export_torch(generator, path)
        ...     torch.export.load(path).module()(torch.zeros(1, 3, 50, 70)).shape
        torch.Size([1, 3, 50, 70])
    """
    subject = _subject(run, mode, network, weights, images)
    with _explained(subject.twin):
        program = _program(subject)

    extra = {"ganblocks.json": json.dumps(subject.facts)}
    return _written(
        subject,
        path,
        lambda temporary: torch.export.save(program, temporary, extra_files=extra),
        lambda temporary: torch.export.load(temporary).module(),
        TOLERANCE,
    )


def _subject(
    run: str | Path | nn.Module,
    mode: str,
    name: str,
    weights: str,
    files: Sequence[str | Path],
) -> _Subject:
    network = run if isinstance(run, nn.Module) else load(run, weights=weights, network=name)
    pictures = picture_map(network)
    twin = with_mode(copy.deepcopy(network).float().cpu(), mode)
    channels: Any = pictures.input.channels or getattr(twin, "in_channels", 3)
    real = [
        pictures.input.encode(decode(pictures.input, read_side([path]), [path]))
        for path in map(Path, files)
    ]
    if not files and not isinstance(run, nn.Module):
        real = _trained_on(run, name)
    with own_randomness(torch.device("cpu"), 0), _explained(twin):
        multiple, images = _random_images(twin, channels)
        first, second = (twin(images[0]) for _ in range(2))
    if not first.equal(second):
        remedy = "a random forward has no file" if mode == "mean" else 'write mode="mean"'
        raise OptionError(
            f"{type(network).__name__} draws noise in mode {mode!r}, which a file cannot: {remedy}",
            see=SEE,
        )
    # Nearest pixels: those of label maps stay one-hot.
    images += [
        F.interpolate(real[nth % len(real)][None], random.shape[-2:])
        for nth, random in enumerate(images if real else [])
    ]
    known, side = pictures.spec, {"range": [-1, 1], "layout": "batch, channels, height, width"}
    facts = {
        "ganblocks": __version__,
        "network": type(network).__name__,
        "mode": mode,
        "input": {"channels": channels, "format": known["input"], **side},
        "output": {"channels": first.shape[1], "format": known["output"], **side},
        "scale": first.shape[-1] // images[0].shape[-1],
        "sides_are_multiples_of": multiple,
        "trained_at": {"size": known["size"], "resize": known["resize"]},
        "checked_at": [list(image.shape[-2:]) for image in images[: len(SIZES)]],
    }
    return _Subject(twin, facts, images)


def _random_images(twin: nn.Module, channels: int) -> tuple[int, list[Tensor]]:
    """Returns what the sides of images must be multiples of, and batches of the four sizes."""
    problems = []
    for multiple, unit in product(MULTIPLES, UNITS):
        sizes = [[-(-side * unit // multiple) * multiple for side in size] for size in SIZES]
        images = [torch.rand(2, channels, *size) * 2 - 1 for size in sizes]
        try:
            for image in images:
                twin(image[:1])
        except Exception as error:  # torch raises many types
            problems.append(error)
        else:
            return multiple, images
    raise problems[0]


def _trained_on(run: str | Path, network: str) -> list[Tensor]:
    """Returns inputs of a run's data, if they are where they were."""
    root = RunFolder.open(run).spec.get("options", {}).get("data")
    if not isinstance(root, str) or not Path(root).exists():
        return []
    with suppress(GanBlocksError):
        pairs = PairedImageDataset(root, strict=False, **pairs_options(run, network))
        return [pairs[0, nth]["source"] for nth in range(min(len(SIZES), len(pairs)))]
    return []


def _program(subject: _Subject) -> ExportedProgram:
    example = torch.zeros(2, subject.images[0].shape[1], *EXAMPLE)
    free = ({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)
    # Otherwise torch's own layout checks forbid an inner map of a single pixel.
    patched: Any = symbolic_shapes
    with patched.patch(backed_size_oblivious=True):
        program = torch.export.export(subject.twin, (example,), dynamic_shapes=free)
    program.example_inputs = None  # files would hold it
    return program


def _store_in_half(model: Any) -> None:
    """Stores the weights of an ONNX model in 16 bits, and casts them back as it starts."""
    onnx: Any = import_module("onnx")
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= 256:
            name, stored = tensor.name, f"{tensor.name}.half"
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
            casts.append(onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _written(
    subject: _Subject,
    path: str | Path,
    save: Callable[[Path], object],
    opened: Callable[[Path], Callable[[Tensor], Tensor]],
    tolerance: float,
) -> float:
    """Writes a file, and leaves it there if its outputs are those of the network."""
    largest = 0.0

    def write(temporary: Path) -> None:
        nonlocal largest
        save(temporary)
        with _explained(subject.twin):
            run = opened(temporary)
            for image in subject.images:
                alone = torch.cat([subject.twin(one) for one in image.split(1)])
                difference = float((run(image) - alone).abs().max())
                if not difference <= tolerance:
                    height, width = image.shape[-2:]
                    raise GanBlocksError(
                        f"the file's output differs by {difference:.2g} from the network's for "
                        f"images of {height}×{width}, over {tolerance:.2g}: the file is removed",
                        see=SEE,
                    )
                largest = max(largest, difference)

    write_atomically(Path(path), write)
    return largest


@contextmanager
def _explained(network: nn.Module) -> Iterator[None]:
    """Re-raises what torch or a runtime raise as an error of ours, and hides their warnings."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except GanBlocksError:
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = str(cause).strip().partition("\n")[0]
        raise GanBlocksError(
            f"{type(network).__name__} cannot be exported: {type(cause).__name__}: {reason}",
            see=SEE,
        ) from error
