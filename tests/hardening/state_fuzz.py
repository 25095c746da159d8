"""Loads mutated checkpoints, in a process of its own: `state_fuzz.py COUNT SEED`.

A checkpoint that is refused must change nothing; with one that is accepted, training goes on.
"""

import sys

import torch
from mutators import mutated_state, tried
from tiny import assert_equal, batch, tiny_updater
from torch.utils._pytree import tree_map


def main(count, seed):
    updater = tiny_updater(ema=0.9, pool_size=2)
    for _ in range(3):
        updater.step(batch())
    good = tree_map(lambda x: x.clone() if torch.is_tensor(x) else x, updater.state_dict())

    def then(refused):
        if refused:
            assert_equal(updater.state_dict(), good)
            return
        updater.step(batch())
        updater.load_state_dict(good)

    counts = tried(
        range(seed, seed + count),
        lambda rng: updater.load_state_dict(mutated_state(good, rng)),
        then,
    )
    sys.stdout.write(f"{counts['refused']} refused, {counts['accepted']} accepted\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
