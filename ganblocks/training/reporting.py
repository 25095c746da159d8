"""Keeps what only reports from ending a training."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ganblocks.errors import GanBlocksWarning


class Reporting:
    """Contexts from which no error comes: the first one of each reporter becomes a warning."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    @contextmanager
    def by(self, reporter: str) -> Iterator[None]:
        """Context whose first error becomes a warning that names the reporter."""
        try:
            yield
        except Warning:  # which the user's filter turns into an error
            raise
        except Exception as error:
            if reporter not in self._told:
                self._told.add(reporter)
                reason = str(error).partition("\n")[0] or type(error).__name__
                message = f"{reporter} failed, but training goes on: {reason}"
                warnings.warn(message, GanBlocksWarning, stacklevel=4)
