"""Descriptions of registered names."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

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
        distribution: The package that registered it.
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
    distribution: str
    preset: Spec | None = None
    parameters: tuple[inspect.Parameter, ...] = ()
    documentation: str = ""

    def __str__(self) -> str:
        lines = [
            f"{self.name} ({self.kind}): {self.summary or 'no docstring'}",
            f"  {self.target}{self.signature}",
        ]
        if self.preset is not None:
            lines.append(f"  preset of {self.preset}")
        return "\n".join([*lines, f"  {self.file}:{self.line}, from {self.distribution}"])
