"""The folder of a training run; every file in it is written atomically."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ganblocks._version import __version__
from ganblocks.arguments import checked
from ganblocks.errors import (
    GanBlocksError,
    GanBlocksWarning,
    OptionError,
    RunError,
    WeightsError,
    listed,
)
from ganblocks.pictures import to_picture
from ganblocks.runs.spec_file import read_spec, require_kinds
from ganblocks.weights.io import fitting_weights, plain_state_dict, read_tensors
from ganblocks.writing import os_errors_explained, write_atomically

Json = dict[str, Any]

_FILES = ("state.pt", "metrics.csv", "health.jsonl", "metrics.jsonl", "samples", "index.html")


@checked
class RunFolder:
    """The folder of one training run.

    `spec.json` describes the run. `<network>.safetensors` holds the weights of a network, such as
    `generator`, and `best_<network>.safetensors` those of the best step according to `best_by`.
    `state.pt` holds everything needed to resume. `metrics.csv` is the log, `health.jsonl` lists the
    detected problems, `samples/` contains the grids, `index.html` is the report, and `README.md` a
    card.

    Args:
        path: The folder, which the constructor, unlike `create` and `open`, neither reads nor
            writes.

    Raises:
        OptionError: The path is empty.

    Examples:
        >>> import tempfile
        >>> network = nn.Linear(2, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder.create(Path(folder) / "run", {"direction": "b2a"})
        ...     run.save_weights("generator", network)
        ...     run.save_state({"step": 7})
        ...     again = RunFolder.open(run.path)
        ...     again.load_weights("generator", network)
        ...     again.spec, again.load_state()
        ({'direction': 'b2a'}, {'step': 7})
    """

    def __init__(self, path: str | Path) -> None:
        if not str(path):
            raise OptionError("the path of a run's folder is empty: write one, such as 'runs/a'")
        self.path = Path(path)
        self.metrics = self.path / "metrics.csv"
        self.health = self.path / "health.jsonl"
        self.samples = self.path / "samples"
        self._spec = self.path / "spec.json"
        self._state = self.path / "state.pt"
        self._written: Json | None = None  # the spec, as this process last wrote it

    @classmethod
    def create(cls, path: str | Path, spec: Json | None = None) -> RunFolder:
        """Creates the folder of a new run.

        Args:
            path: The folder; an existing run in it is left untouched.
            spec: A description of the run, as plain JSON; `fit` adds the task, data and options.

        Raises:
            RunError: The folder already contains a run, or cannot be written.
        """
        run = cls(path)
        run.require_unused()
        with os_errors_explained(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
        run.write_spec(spec or {})
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Opens the folder of an existing run.

        Args:
            path: The folder.

        Raises:
            RunError: The folder contains no run.
        """
        run = cls(path)
        if not run.exists:
            raise RunError(
                f"{run.path} contains no run: it has no spec.json. Check the path, or train first"
            )
        return run

    def require_unused(self) -> None:
        """Checks that the folder contains no run, and no file that a run would replace.

        Raises:
            RunError: It does, or cannot be read.
        """
        with os_errors_explained(self.path):
            if self._spec.exists():
                raise RunError(
                    f"{self.path} already contains a run: resume it (option resume, or "
                    "RunFolder.open), or choose another folder (option out)"
                )
            taken = [name for name in _FILES if (self.path / name).exists()]
            taken += [path.name for path in _by_step(self.path, "state_", ".pt").values()]
            taken += sorted(path.name for path in self.path.glob("*.safetensors"))
        if taken:
            raise RunError(
                f"{self.path} contains {listed(taken)}, which a run would replace: choose another "
                "folder"
            )

    def require_untrained(self) -> None:
        """Checks that no networks have been trained in the run, so that it can start at step 0.

        Raises:
            RunError: The folder contains older checkpoints or weights.

        Examples:
            >>> RunFolder("runs/new").require_untrained()
        """
        older = [path.name for _, path in sorted(_by_step(self.path, "state_", ".pt").items())]
        weights = [x.name for x in self.path.glob("[!.]*.safetensors") if x.name[:5] != "best_"]
        if older or weights:
            remedy = f"copy an older one over it, {listed(older)}" if older else "restore it"
            raise RunError(
                f"{self.path} contains a trained run, but its checkpoint state.pt is missing: "
                f"{remedy}, or choose another folder",
                see="resume",
            )

    @property
    def exists(self) -> bool:
        """Whether the folder contains a run."""
        return self._spec.is_file()

    @property
    def has_state(self) -> bool:
        """Whether the run has a checkpoint."""
        return self._state.is_file()

    @property
    def spec(self) -> Json:
        """The run's description: task, data, options, versions.

        Raises:
            RunError: `spec.json` cannot be read, or an entry has the wrong type.
        """
        self._restore_spec()
        spec = read_spec(self._spec)
        require_kinds(spec, self._spec)
        return spec

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Context that adds a note to errors if a newer version of ganblocks wrote the run.

        Examples:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     run = RunFolder.create(folder, {"versions": {"ganblocks": "99.0"}})
            ...     try:
            ...         with run.reading():
            ...             raise RunError("unknown option 'new'")
            ...     except RunError as error:
            ...         print(str(error).partition(", newer")[0])
            unknown option 'new'. The run was written by ganblocks 99.0
        """
        try:
            yield
        except GanBlocksError as error:
            versions = self.spec.get("versions")
            wrote = str(versions.get("ganblocks")) if isinstance(versions, dict) else ""
            if _release(wrote) <= _release(__version__):
                raise
            raise type(error)(
                f"{error}. The run was written by ganblocks {wrote}, newer than this "
                f"{__version__}: install that version",
                see=error.see,
            ) from None

    def write_spec(self, spec: Json) -> None:
        """Writes `spec.json`.

        Args:
            spec: JSON: strings, finite numbers, lists, dictionaries.

        Raises:
            RunError: The file cannot be written.
        """
        text = json.dumps(spec, indent=2, allow_nan=False) + "\n"
        write_atomically(self._spec, text.encode())
        self._written = spec

    def _restore_spec(self) -> None:
        if self._written is not None and not self.exists:
            message = f"{self._spec} was deleted: writing it again"
            warnings.warn(message, GanBlocksWarning, stacklevel=4)
            self.write_spec(self._written)

    def save_state(self, state: Json, *, keep_last: int = 1) -> None:
        """Writes the training state as `state.pt`.

        Args:
            state: Tensors, numbers and strings, in lists and dictionaries, with a `"step"`.
            keep_last: Number of states to keep; if above 1, copies are named `state_<step>.pt`.
                To return to one, copy it over `state.pt`.

        Raises:
            RunError: The file cannot be written.
        """
        self._restore_spec()
        write_atomically(self._state, lambda file: torch.save(state, file))
        with os_errors_explained(self.path):
            if keep_last > 1:
                copy = self.path / f"state_{state['step']:06d}.pt"
                # Not a link: copying an older state over state.pt would overwrite this one.
                with self._state.open("rb") as saved:
                    write_atomically(copy, lambda file: copyfileobj(saved, file))
            copies = _by_step(self.path, "state_", ".pt")
            past = sorted(step for step in copies if step <= state["step"])
            kept = past[-keep_last:] if keep_last > 1 else []
            for step, path in copies.items():
                if step not in kept:  # too old, or from later steps of a resumed run
                    path.unlink()

    def load_state(self) -> Json:
        """Reads the training state.

        Raises:
            RunError: There is no checkpoint, or it cannot be read.
        """
        if not self.has_state:
            raise RunError(
                f"{self.path} has no checkpoint yet (state.pt): remove the folder and start again",
                see="resume",
            )
        try:
            state = read_tensors(self._state)
        except WeightsError as error:
            raise RunError(
                f"{self._state} is not a ganblocks checkpoint: {error}", see="resume"
            ) from None
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise RunError(
                f"{self._state} is not a ganblocks checkpoint: it is not a dictionary of names",
                see="resume",
            )
        return state

    def save_sample(self, step: int, grid: Tensor) -> None:
        """Writes a grid as `samples/step_<step>.png`.

        Args:
            step: The step, written with at least six digits.
            grid: The grid, uint8 (3, H, W).

        Raises:
            RunError: The file cannot be written.
        """
        picture = to_picture(grid)
        write_atomically(
            self.samples / f"step_{step:06d}.png",
            lambda file: picture.save(file, format="PNG"),
        )

    def remove_samples_after(self, step: int) -> None:
        """Removes the grids of later steps, before a resumed run repeats those steps.

        Args:
            step: The step that the run resumes from.
        """
        for later, path in _by_step(self.samples, "step_", ".png").items():
            if later > step:
                path.unlink()

    def save_weights(self, name: str, network: nn.Module) -> None:
        """Writes a network's weights as `<name>.safetensors`.

        Args:
            name: The file's name, such as `"generator"` or `"best_generator"`.
            network: The network, wrapped or not.

        Raises:
            RunError: The file cannot be written.
        """
        weights = {  # copied, as safetensors refuses tensors that share memory (tied weights)
            key: value.to("cpu", copy=True, memory_format=torch.contiguous_format)
            for key, value in plain_state_dict(network).items()
        }
        # Not save_file, which hides the OSError.
        write_atomically(self.path / f"{name}.safetensors", save(weights))

    def load_weights(self, name: str, network: nn.Module) -> None:
        """Reads `<name>.safetensors` into a network.

        Args:
            name: The file's name, such as `"generator"` or `"best_generator"`.
            network: The network, not wrapped.

        Raises:
            RunError: The file is missing or damaged, or belongs to another model.
        """
        weights, source = read_network(self, name)
        network.load_state_dict(fitting_weights(network, weights, source))


def read_network(run: RunFolder, name: str) -> tuple[Any, str]:
    """Returns the tensors in a run's `<name>.safetensors`, and its path for messages."""
    path = run.path / f"{name}.safetensors"
    try:
        return read_tensors(path), str(path)
    except WeightsError as error:
        raise RunError(
            f"{path.name} cannot be read: {error}. If the run has no checkpoint yet, train until "
            "the first one"
        ) from None


def require_not_of_run(path: Path) -> None:
    """Raises `RunError` if a file to be written would replace one of a run."""
    names = ("spec.json", "README.md", *_FILES)
    if RunFolder(path.parent).exists and (path.name in names or path.suffix == ".safetensors"):
        raise RunError(
            f"{path} belongs to the run in its folder, and would be replaced: write another name, "
            f"or another folder, such as {path.parent / 'other'}"
        )


def _release(version: str) -> list[int]:
    """Returns the release numbers of a version such as "0.3.1.dev0"."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return [int(number) for number in numbers.group().split(".")] if numbers else []


def _by_step(folder: Path, prefix: str, suffix: str) -> dict[int, Path]:
    steps = {path: path.stem.removeprefix(prefix) for path in folder.glob(f"{prefix}*{suffix}")}
    return {int(step): path for path, step in steps.items() if step.isdecimal()}
