"""A run's folder: its spec, its weights and its state, each written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ganblocks.errors import OptionError, RunError, listed
from ganblocks.pictures import to_picture
from ganblocks.weights.io import fitting_weights, plain_state_dict

Json = dict[str, Any]

_FILES = (
    "state.pt",
    "metrics.csv",
    "health.jsonl",
    "metrics.jsonl",
    "samples",
    "index.html",
)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file so that a crash at any moment leaves the old one or the new one, whole.

    Args:
        path: The file.
        write: Is called with a temporary path beside it, and writes there.

    Raises:
        RunError: The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with _explained(path):
        try:
            temporary.touch()
            mode = temporary.stat().st_mode
            write(temporary)
            temporary.chmod(mode)  # as any new file: safetensors writes for the owner alone
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if os.name == "posix":  # the rename itself must reach the disk as well
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)


class RunFolder:
    """The folder of one training run.

    `spec.json` says what ran, `<network>.safetensors` holds the weights of each network, such as
    `generator`, `best_<network>.safetensors` those of the best step where `best_by` says what is
    best, `state.pt` all that a resumed training needs, `metrics.csv` the log, `health.jsonl` the
    problems that were detected, `samples/` the grids, `index.html` the report.

    Args:
        path: The folder; nothing is looked at or written yet. `create` and `open` do so.

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

    @classmethod
    def create(cls, path: str | Path, spec: Json | None = None) -> RunFolder:
        """Makes the folder of a new run; one that holds a run already is not touched.

        Args:
            path: The folder.
            spec: What to say of the run, as plain JSON; `fit` adds task, data and options.

        Raises:
            RunError: A run is there already, or nothing can be written there.
        """
        run = cls(path)
        run.require_free()
        with _explained(run.path):
            run.samples.mkdir(parents=True, exist_ok=True)
        run.write_spec(spec or {})
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Opens the folder of a run that was begun before.

        Args:
            path: The folder.

        Raises:
            RunError: There is no run.
        """
        run = cls(path)
        if not run.begun:
            raise RunError(
                f"{run.path} holds no run: it has no spec.json. Check the path, or train first"
            )
        return run

    def require_free(self) -> None:
        """Refuses a folder that holds a run, or a file that a run would replace.

        Raises:
            RunError: There is one of these, or the folder cannot be read.
        """
        with _explained(self.path):
            if self._spec.exists():
                raise RunError(
                    f"{self.path} already holds a run: resume it with RunFolder.open, or take "
                    "another folder for a new one"
                )
            taken = [name for name in _FILES if (self.path / name).exists()]
            taken += [path.name for path in self._older().values()]
            taken += sorted(path.name for path in self.path.glob("*.safetensors"))
        if taken:
            raise RunError(
                f"{self.path} holds {listed(taken)}, which a run replaces: choose another folder"
            )

    @property
    def begun(self) -> bool:
        """Whether there is a run."""
        return self._spec.is_file()

    @property
    def has_state(self) -> bool:
        """Whether a checkpoint has been written yet."""
        return self._state.is_file()

    @property
    def spec(self) -> Json:
        """What ran: components, data, direction, versions, flags.

        Raises:
            RunError: `spec.json` cannot be read.
        """
        try:
            spec = json.loads(self._spec.read_text("utf-8"))
            if not isinstance(spec, dict):
                raise ValueError("it holds no object")
        except (OSError, ValueError) as error:
            raise RunError(f"{self._spec} cannot be read ({error}): the run is damaged") from None
        return spec

    def write_spec(self, spec: Json) -> None:
        """Writes what runs, as JSON.

        Args:
            spec: Plain JSON: text, finite numbers, lists, dictionaries.

        Raises:
            RunError: The file cannot be written.
        """
        text = json.dumps(spec, indent=2, allow_nan=False) + "\n"
        write_atomically(self._spec, lambda temporary: temporary.write_text(text, "utf-8"))

    def save_state(self, state: Json, *, keep_last: int = 1) -> None:
        """Writes the state of the training as `state.pt`.

        Args:
            state: Tensors, numbers and text, in lists and dictionaries; nothing else is read
                back; its `"step"` is wanted.
            keep_last: States to keep: the new one, and before it the newest of those that were
                written so, as `state_<step>.pt`. To go back to one, copy it over `state.pt`.

        Raises:
            RunError: The file cannot be written.
        """
        write_atomically(self._state, lambda temporary: torch.save(state, temporary))
        with _explained(self.path):
            if keep_last > 1:
                copy = self.path / f"state_{state['step']:06d}.pt"
                # No link: whoever copies an older one over state.pt would write into this as well.
                write_atomically(copy, lambda temporary: copyfile(self._state, temporary))
            kept = {step: path for step, path in self._older().items() if step <= state["step"]}
            wanted = sorted(kept)[-keep_last:] if keep_last > 1 else []
            for step, path in self._older().items():
                if step not in wanted:  # too old, or of steps that will come again
                    path.unlink()

    def _older(self) -> dict[int, Path]:
        paths = [path for path in self.path.glob("state_*.pt") if path.stem[6:].isdecimal()]
        return {int(path.stem[6:]): path for path in paths}

    def load_state(self) -> Json:
        """Reads the state of the training.

        Raises:
            RunError: There is none, or it cannot be read.
        """
        if not self.has_state:
            raise RunError(
                f"{self.path} has no checkpoint yet (state.pt): remove the folder and start anew",
                see="resume",
            )
        try:
            return dict(torch.load(self._state, map_location="cpu", weights_only=True))
        except Exception as error:  # torch and pickle raise a dozen kinds for a damaged file
            reason = str(error).partition("\n")[0]
            raise RunError(
                f"{self._state} is no checkpoint of ours ({reason})", see="resume"
            ) from None

    def save_sample(self, step: int, grid: Tensor) -> None:
        """Writes a grid as `samples/step_<step>.png`.

        Args:
            step: The step, in six digits or more.
            grid: The grid, uint8 (3, H, W).

        Raises:
            RunError: The file cannot be written.
        """
        picture = to_picture(grid)
        write_atomically(
            self.samples / f"step_{step:06d}.png",
            lambda temporary: picture.save(temporary, format="PNG"),
        )

    def drop_samples_after(self, step: int) -> None:
        """Removes the grids of later steps, which will come again.

        Args:
            step: The step that a resumed run goes on from.
        """
        for path in self.samples.glob("step_*.png"):
            if path.stem[5:].isdecimal() and int(path.stem[5:]) > step:
                path.unlink()

    def save_weights(self, name: str, network: nn.Module) -> None:
        """Writes a network's weights as `<name>.safetensors`.

        Args:
            name: The file's name, such as `"generator"` or `"best_generator"`.
            network: The network, wrapped or not.

        Raises:
            RunError: The file cannot be written.
        """
        weights = {key: value.contiguous() for key, value in plain_state_dict(network).items()}
        write_atomically(
            self.path / f"{name}.safetensors", lambda temporary: save_file(weights, temporary)
        )

    def load_weights(self, name: str, network: nn.Module) -> None:
        """Reads `<name>.safetensors` into a network.

        Args:
            name: The file's name, such as `"generator"` or `"best_generator"`.
            network: The network, which must not be wrapped.

        Raises:
            RunError: The file is missing, broken, or of another model.
        """
        path = self.path / f"{name}.safetensors"
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as error:
            raise RunError(
                f"{path} cannot be read ({error}): train until the first checkpoint, or copy the "
                "file back"
            ) from None
        network.load_state_dict(fitting_weights(network, weights, str(path)))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns the system's word on a file into ours."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write {path} ({error.strerror or error}): make room, or choose another folder"
        ) from None
