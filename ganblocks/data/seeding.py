"""Random generators that depend on numbers, not on what ran before."""

import numpy as np
import torch


def seeded_generator(*key: int) -> torch.Generator:
    """Makes a random generator that depends on all the numbers of the key, and on nothing else."""
    (state,) = np.random.SeedSequence((len(key), *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) >> 1)
