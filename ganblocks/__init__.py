"""Building blocks for GANs in PyTorch.

`__init__.pyi` lists every name; each is imported from its subpackage on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
