"""Ctrl-C and SIGTERM as a request: the step is finished and the state saved before the end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Stop:
    """Whether the training was asked to stop.

    Attributes:
        requested: The number of the signal that asked, None while none has.

    Examples:
        >>> stop = Stop()
        >>> stop.leave()  # nobody asked
        >>> stop.requested = signal.SIGTERM
        >>> stop.leave()
        Traceback (most recent call last):
        ...
        SystemExit: 143
    """

    def __init__(self) -> None:
        self.requested: int | None = None

    def leave(self) -> None:
        """Raises what the signal asked for, if one came."""
        if self.requested == signal.SIGINT:
            raise KeyboardInterrupt
        if self.requested is not None:
            raise SystemExit(128 + self.requested)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Makes the first Ctrl-C or SIGTERM inside `with` a request that the loop looks at.

    The first is said in one line on standard error and noted in `requested`; the loop finishes
    its step, saves a checkpoint, and calls `leave()` after the `with`. A Ctrl-C after that raises
    KeyboardInterrupt at once. At the end the handlers from before are back. A signal that the
    process ignores stays ignored, and outside the main thread, which alone may handle signals,
    none is caught.

    Examples:
        >>> with stop_signals() as stop:
        ...     for step in range(1_000_000):
        ...         if step == 3:
        ...             signal.raise_signal(signal.SIGTERM)  # as the system would
        ...         if stop.requested:
        ...             break
        >>> step, stop.requested == signal.SIGTERM
        (3, True)
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    owner = os.getpid()
    # An ignored one is that of a job in the background; None was set by no Python code.
    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked process inherits this; it ends as it would without
            signal.signal(number, before[signal.Signals(number)])
            os.kill(os.getpid(), number)
        elif stop.requested is None:
            stop.requested = number
            if os.environ.get("RANK", "0") == "0":  # of several processes one says it
                _say("stopping: finishing the step and saving; Ctrl-C again leaves at once")
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    try:
        for number in before:
            signal.signal(number, handle)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_interrupts(worker: int) -> None:
    """Lets a worker process of a `DataLoader` go on after Ctrl-C, until its parent ends it.

    A terminal sends Ctrl-C to the workers as well; without them the step in hand, or the next
    batch, fails. It is what the loader's `worker_init_fn` takes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _say(line: str) -> None:
    """Writes past the stream: the signal may have come while its owner was writing to it."""
    if sys.__stderr__ is not None:
        with suppress(OSError, ValueError):  # it is closed
            os.write(sys.__stderr__.fileno(), f"\n{line}\n".encode())
