import pytest
import torch


@pytest.fixture(autouse=True)
def reproducible():
    """Every test starts from the same random state, on one thread beside its neighbors."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
