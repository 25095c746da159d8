"""Contract checks of components, for this package and for plugins.

from ganblocks.testing import check_component

def test_my_generator():
    check_component("generator", lambda: MyGenerator(base_channels=4))
"""

from ganblocks.testing.component import check_component, checks_of
from ganblocks.testing.contract import ContractError

__all__ = ["ContractError", "check_component", "checks_of"]
