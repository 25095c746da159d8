"""Ctrl-C, SIGTERM and SIGHUP as requests to finish the step and save before the process ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

# A terminal sends SIGHUP when it closes; Windows has no such signal.
STOPS = [getattr(signal, x) for x in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, x)]


class StopRequest:
    """A request to stop training.

    Attributes:
        signal: Number of the signal that arrived, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def raise_if_requested(self) -> None:
        """Ends the process as the signal would have, if one arrived."""
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal is not None:
            raise SystemExit(128 + self.signal)


@contextmanager
def catch_stop_signals() -> Iterator[StopRequest]:
    """Context in which the first stop signal only sets a request for the loop to check.

    The first signal prints one line to standard error; the loop finishes its step, saves a
    checkpoint, and calls `raise_if_requested()` after the `with`. A Ctrl-C after that raises
    KeyboardInterrupt at once. The previous handlers are restored at the end. Signals that the
    process ignores stay ignored. Outside the main thread, no signals are caught, as only the main
    thread can handle them.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    owner = os.getpid()
    # A background job ignores SIGINT; None means that the handler is not Python's.
    previous = {
        number: handler
        for number in STOPS
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked process inherits this handler, but ends as usual
            signal.signal(number, previous[signal.Signals(number)])
            os.kill(os.getpid(), number)
        elif request.signal is None:
            request.signal = number
            if os.environ.get("RANK", "0") == "0":
                _print("stopping: finishing the step and saving; Ctrl-C again stops at once")
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    try:
        for number in previous:
            signal.signal(number, handle)
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def ignore_interrupts(worker: int) -> None:
    """Makes a `DataLoader` worker ignore Ctrl-C and SIGHUP, as its `worker_init_fn`.

    A terminal also sends them to the workers, without which the current step would fail.
    """
    for number in STOPS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)


def ignore_ends_of_workers() -> None:
    """Ignores the end of a `DataLoader` worker until its batch is missing.

    PyTorch's own handler raises at once, anywhere, so a step could end halfway and not be saved.
    `ends_of_workers_as_before` restores it.
    """
    if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@contextmanager
def ends_of_workers_as_before() -> Iterator[None]:
    """Context that restores the previous handler of SIGCHLD at its end."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGCHLD) if main and hasattr(signal, "SIGCHLD") else None
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGCHLD, handler)


def _print(line: str) -> None:
    """Writes unbuffered: the signal may have arrived while the stream was being written to."""
    if sys.__stderr__ is not None:
        with suppress(OSError, ValueError):  # the stream is closed
            os.write(sys.__stderr__.fileno(), f"\n{line}\n".encode())
