"""Who said what, from which party, and how strongly it takes a frame. The names below are the public ones.

They are loaded when first used, so that ``import stance`` is quick; ``__init__.pyi`` says where each one lives.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
