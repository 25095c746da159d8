"""Descriptions of registered names."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from importlib.metadata import packages_distributions

from ganblocks.spec import Spec


@dataclass(frozen=True)
class Description:
    """Describes a registered component or preset; `str()` returns a short summary.

    Attributes:
        name: The registered name.
        kind: The registry's kind, such as `generators`.
        target: Import path of the class or function.
        signature: Its signature, in Python syntax.
        summary: The first line of its docstring.
        file: The file that defines it.
        line: The line of the definition.
        plugin: The package whose entry point registers the name, or None.
        preset: The spec of a preset, or None.
        parameters: The parameters of the signature.
        documentation: The whole docstring.
    """

    name: str
    kind: str
    target: str
    signature: str
    summary: str
    file: str
    line: int
    plugin: str | None = None
    preset: Spec | None = None
    parameters: tuple[inspect.Parameter, ...] = ()
    documentation: str = ""

    @property
    def distribution(self) -> str:
        """The distribution that registered it; for code that is not installed, its import name."""
        return self.plugin or _distribution(self.target.partition(".")[0])

    def __str__(self) -> str:
        lines = [
            f"{self.name} ({self.kind}): {self.summary or 'no docstring'}",
            f"  {self.target}{self.signature}",
        ]
        if self.preset is not None:
            lines.append(f"  preset of {self.preset}")
        return "\n".join([*lines, f"  {self.file}:{self.line}, from {self.distribution}"])


@functools.cache
def _distribution(package: str) -> str:
    # Only if asked for: it reads the file lists of all installed packages.
    return next(iter(packages_distributions().get(package, ())), package)
