"""Real signals to this process and to others: what they request, and what they leave behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from ganblocks.training.signals import StopRequest, catch_stop_signals, ignore_interrupts

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
MESSAGE = "stopping: finishing the step and saving; Ctrl-C again stops at once"


def send(number):
    os.kill(os.getpid(), number)


def handlers():
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.fixture(autouse=True)
def heeded():
    """Signals as in a terminal: under nohup, SIGHUP is ignored, and stays so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_only_requests(number, capfd):
    before = handlers()
    with catch_stop_signals() as request:
        assert request.signal is None
        assert handlers() != before
        send(number)
        assert request.signal == number
        assert capfd.readouterr().err.split("\n") == ["", MESSAGE, ""]
    assert handlers() == before


def test_a_second_interrupt_leaves_at_once_and_handlers_are_back():
    before = handlers()
    reached = []
    with pytest.raises(KeyboardInterrupt), catch_stop_signals() as request:  # noqa: PT012
        send(signal.SIGINT)
        reached.append(request.signal)
        send(signal.SIGINT)
        reached.append("too far")
    assert reached == [signal.SIGINT]
    assert handlers() == before


def test_an_interrupt_after_sigterm_leaves_at_once():
    with pytest.raises(KeyboardInterrupt), catch_stop_signals():  # noqa: PT012
        send(signal.SIGTERM)
        send(signal.SIGINT)


@pytest.mark.parametrize("first", SIGNALS)
def test_sigterm_again_and_again_changes_nothing(first, capfd):
    with catch_stop_signals() as request:
        for number in (first, signal.SIGTERM, signal.SIGTERM):
            send(number)
        assert request.signal == first
    assert capfd.readouterr().err.count(MESSAGE) == 1


def test_handlers_are_back_after_an_error():
    before = handlers()
    with pytest.raises(ZeroDivisionError), catch_stop_signals():
        1 / 0  # noqa: B018
    assert handlers() == before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with catch_stop_signals() as request:
            send(signal.SIGINT)
            assert request.signal is None
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_it_lets_everything_pass():
    before = handlers()
    seen = []

    def train():
        with catch_stop_signals() as request:
            seen.append((request.signal, handlers()))
            request.raise_if_requested()
            seen.append("through")

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [(None, before), "through"]


def test_leaving_raises_what_was_asked_for():
    request = StopRequest()
    request.raise_if_requested()
    request.signal = signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        request.raise_if_requested()
    request.signal = signal.SIGTERM
    with pytest.raises(SystemExit) as left:
        request.raise_if_requested()
    assert left.value.code == 143


LOOP = """
    import time
    from pathlib import Path
    from ganblocks.training.signals import catch_stop_signals

    with catch_stop_signals() as request:
        for step in range(1000):
            print(f"step {step}", flush=True)
            time.sleep(0.05)  # the step
            if request.signal:
                Path("checkpoint").write_text(str(step))
                break
    request.raise_if_requested()
"""


@pytest.fixture
def start(tmp_path):
    """Starts a Python of its own, and waits for its first line; ends it with the test."""
    with ExitStack() as stack:

        def start(code):
            process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(code)],
                cwd=tmp_path,
                env={name: x for name, x in os.environ.items() if name != "PYTHONUNBUFFERED"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            process.stdout.readline()
            return process

        yield start


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        (signal.SIGINT, -signal.SIGINT),
    ],
)
def test_a_process_saves_before_it_leaves(tmp_path, start, number, code):
    process = start(LOOP)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert (tmp_path / "checkpoint").read_text().isdecimal()
    assert said.startswith(f"\n{MESSAGE}\n")


@pytest.mark.slow
def test_without_standard_error_the_message_goes_nowhere(tmp_path):
    """A file that was opened then has its number, and must not get the message."""
    code = """
        import os, signal, sys
        from ganblocks.training.signals import catch_stop_signals
        file = os.open("log", os.O_WRONLY | os.O_CREAT)
        print(file, flush=True)
        with catch_stop_signals() as request:
            os.kill(os.getpid(), signal.SIGTERM)
        print(request.signal)
    """
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["2", "15"]
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.slow
def test_a_signal_in_the_middle_of_a_write_does_no_harm(start):
    """Its handler then runs inside that write, and the stream refuses another."""
    code = """
        import os, signal, sys
        from ganblocks.training.signals import catch_stop_signals

        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        print("ready", flush=True)
        with catch_stop_signals() as request:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            while request.signal is None:
                print("step", file=sys.stderr)  # until the pipe is full, where it waits
        print(request.signal)
    """
    process = start(code)
    time.sleep(1)  # nobody reads
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said[-2000:]
    assert out == "15\n"
    assert MESSAGE in said.split("\n")


@pytest.mark.slow
def test_a_forked_process_ends_as_it_would_without(start):
    code = """
        import os, signal, time
        from ganblocks.training.signals import catch_stop_signals

        print("ready", flush=True)
        with catch_stop_signals() as request:
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                os.write(writer, b"!")
                for _ in range(3000):  # one long sleep would miss a signal just before it
                    time.sleep(0.01)
                os._exit(0)
            os.read(reader, 1)
            os.kill(child, signal.SIGTERM)
            print(os.WTERMSIG(os.waitpid(child, 0)[1]), request.signal)
    """
    out, said = start(code).communicate(timeout=60)
    assert (out, said) == ("15 None\n", "")


class Slow(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, index):
        time.sleep(0.01)
        return torch.tensor(index)


def test_workers_outlive_an_interrupt_that_reaches_them_too():
    loader = DataLoader(Slow(), num_workers=2, worker_init_fn=ignore_interrupts)
    with catch_stop_signals() as request:
        batches = iter(loader)
        read = [next(batches).item() for _ in range(2)]  # both are at work
        for worker in (os.getpid(), *(process.pid for process in batches._workers)):
            os.kill(worker, signal.SIGINT)
        assert request.signal == signal.SIGINT
        read += [batch.item() for batch in batches]
    assert read == list(range(40))
