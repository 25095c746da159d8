"""GAN building blocks for PyTorch: parts that fit together and know what they are.

Every name is listed in `__init__.pyi`, and imported from its room on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
