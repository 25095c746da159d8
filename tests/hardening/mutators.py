"""What hostile and broken files contain: seeded mutations of nested values and of bytes."""

import copy
import random
import resource
import signal
import warnings
from collections import Counter
from contextlib import contextmanager
from math import inf, nan

import torch
from torch import Tensor

from ganblocks.errors import GanBlocksError

SECONDS = 5
JUNK = (
    *(None, True, "", "x", "unet", "9" * 30, "\x00", -1, 0, 1, 3, 12, 10**4, 10**20, -(10**20)),
    *(0.5, -2.0, 1e300, nan, inf, [], {}, [[]], [1, "a"], {"type": "unet"}, {"type": None}),
    *({"a": 1}, "module.", "../../etc/passwd", "<script>"),
)


def deep(levels=3000):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


def tensors(rng):
    """Returns a tensor that rarely fits."""
    shape = rng.choice([(), (1,), (0,), (3,), (4, 6, 4, 4), (1, 3, 16, 16), (5056,)])
    kind = rng.choice([torch.float32, torch.float64, torch.float16, torch.uint8, torch.int64])
    value = torch.full(shape, rng.choice([0, 1, 200]), dtype=kind)
    return rng.choice([value, value, value, value.to("meta"), value.expand(2, *shape)])


def mutated(value, rng, junk=lambda rng: rng.choice(JUNK)):
    """Returns a copy of a nested value with one part replaced, removed, added or renamed."""
    value = copy.deepcopy(value)
    places = [(value, key) for key in keys(value)]
    parents = list(places)
    for parent, key in places:  # it grows while it is read
        inner = parent[key]
        places += [(inner, k) for k in keys(inner)]
    # Small parts are as likely as large ones: first a depth, then a place.
    container, key = rng.choice(rng.choice([parents, places, places, places]))
    action = rng.randrange(6)
    if action < 3:
        container[key] = junk(rng)
    elif action == 3:
        del container[key]
    elif action == 4 and isinstance(container, dict):
        container[rng.choice([f"{key}x", "extra", 7])] = container.pop(key)
    elif isinstance(container, dict):
        container[rng.choice(["extra", "type", "init", f"module.{key}"])] = junk(rng)
    else:
        container.append(junk(rng))
    return value


def keys(value):
    if isinstance(value, dict):
        return list(value)
    return range(len(value)) if isinstance(value, list) else ()


def mutated_tensor(value, rng):
    """Returns a tensor that differs in shape, type or place, or a part of one."""
    return rng.choice(
        [
            lambda: value.flatten()[:1],
            lambda: value[None],
            lambda: value.double(),
            lambda: value.to("meta"),
            lambda: value.flatten(),
            lambda: torch.ones(1),
        ]
    )()


def mutated_bytes(content, rng):
    """Returns a file's bytes with some flipped, cut, doubled or replaced."""
    data, place = bytearray(content), rng.randrange(len(content))
    action = rng.randrange(4)
    if action == 0:
        data[place] ^= 1 << rng.randrange(8)
    elif action == 1:
        del data[place:]
    elif action == 2:
        data[place : place + rng.randrange(1, 99)] = rng.randbytes(rng.randrange(99))
    else:
        data[place:place] = data[:99]
    return bytes(data)


def state_junk(rng):
    return rng.choice([tensors(rng), rng.choice(JUNK), rng.choice(JUNK), deep()])


def mutated_state(state, rng):
    """Returns a mutated checkpoint; every other time, one of its tensors is changed."""
    if rng.random() < 0.5:
        return mutated(state, rng, state_junk)
    state = copy.deepcopy(state)
    places = [(state, key) for key in state]
    for parent, key in places:
        places += [(parent[key], k) for k in keys(parent[key])]
    container, key = rng.choice([(c, k) for c, k in places if isinstance(c[k], Tensor)])
    container[key] = mutated_tensor(container[key], rng)
    return state


@contextmanager
def bounded(seconds=SECONDS, megabytes=500):
    """Fails if its body computes or waits for longer, or takes more memory."""

    def stop(*_):
        raise AssertionError("it hangs")

    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 12 * seconds)  # on a machine that others use, too
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown < 1000 * megabytes, f"it took {grown // 1000} MB"


def tried(cases, attempt, then=lambda refused: None):
    """Calls `attempt(rng)` for each case: it may only succeed, or raise an error of ours.

    Afterward, `then(refused)` looks at what was left.
    """
    counts = Counter()
    for case in cases:
        try:
            refused = _is_refused(attempt, random.Random(case))
            counts["refused" if refused else "accepted"] += 1
            then(refused)
        except BaseException as error:
            error.add_note(f"case {case}")
            raise
    return counts


def _is_refused(attempt, rng):
    try:
        with bounded(), warnings.catch_warnings(action="ignore"):
            attempt(rng)
    except GanBlocksError as error:
        message = str(error)
    else:
        return False
    assert "weights_only" not in message
    assert "\n" not in message
    return True
