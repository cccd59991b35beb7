"""llama.cpp's C-level API, and nothing else of the package that carries it.

Importing `llama_cpp` as usual imports its high-level API as well, with numpy and more: on a small machine that takes
longer than loading a small model. The bindings need none of it, so the package's own `__init__` is left out.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec


def _leave_out_high_level_api() -> None:
    spec = find_spec("llama_cpp")
    if spec is not None and "llama_cpp" not in sys.modules:
        sys.modules["llama_cpp"] = module_from_spec(spec)  # created, with its folder, but not executed


_leave_out_high_level_api()

from llama_cpp import llama_cpp as llama  # noqa: E402

__all__ = ["llama"]
