"""Random generators that do not depend on earlier draws."""

import numpy as np
import torch


def seeded_generator(*key: int) -> torch.Generator:
    """Returns a random generator seeded with all numbers of the key."""
    (state,) = np.random.SeedSequence((len(key), *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state) >> 1)
