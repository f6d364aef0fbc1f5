"""Super Weight Analysis: find the single scalars that a language model depends on.

Functions here take a loaded model and give records; they neither print nor write::

    from swa import detect, load_model, load_text

    result = detect(load_model("demo"), load_text("builtin"))

`swa.runs` has the commands as functions: the whole way from names of models to files, resumed where it stopped.

Stable names are listed in `__init__.pyi`; everything else may change. Nothing is imported before it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
