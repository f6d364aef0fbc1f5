"""The commands as functions: the same work, the same files, and what was found as a value.

Each takes names of models or loaded models, and the choices of its command as one group or several::

    from swa import runs

    (found,) = runs.detect("demo", results_dir="results").models
    print(found.record.super_weights[0].coordinate, found.files["detection"])

The same call again goes on where it stopped. Names are listed in `__init__.pyi`; nothing is imported before it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
