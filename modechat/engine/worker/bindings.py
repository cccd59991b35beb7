"""Imports llama.cpp's C-level API, without the rest of the package that contains it.

The usual import of `llama_cpp` imports its high-level API too, with numpy and more: on a small
machine that takes longer than loading a small model. The bindings need none of it, so the package's
own `__init__` is skipped.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any


def _leave_out_high_level_api() -> None:
    spec = find_spec("llama_cpp")
    if spec is not None and "llama_cpp" not in sys.modules:
        # The module is created, with its folder, but not executed.
        sys.modules["llama_cpp"] = module_from_spec(spec)


def _wait_briefly_at_barriers() -> None:
    """Let threads that wait for each other spin only briefly.

    GNU's OpenMP, which llama.cpp is usually built with, reads its settings when it is loaded. By
    default its threads spin for milliseconds while they wait. Beside another busy process they so
    take the core of the thread that they wait for: 2 tokens/s where short spinning has 40 (two
    cores, SmolLM2). On a quiet machine a thousand rounds are as fast as the default, and sleeping
    at once would cost 45 % of the speed.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


_leave_out_high_level_api()
_wait_briefly_at_barriers()

from llama_cpp import llama_cpp as llama  # noqa: E402

__all__ = ["ggml_function", "llama"]


@cache
def ggml_function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a function of ggml with its ctypes types; the bindings of llama.cpp do not have them.

    It comes from the copy of ggml that llama.cpp itself uses: another copy would know no devices.
    """
    function = _find(name)
    function.restype = result
    function.argtypes = arguments
    return function  # type: ignore[no-any-return]


def _find(name: str) -> Any:
    library = llama._lib
    if hasattr(library, name):  # the loader also looks into the libraries that this one needs
        return library[name]
    folder = Path(library._name).parent
    for file in ("ggml.dll", "ggml-base.dll"):  # Windows: each library only knows its own names
        if (folder / file).is_file() and hasattr(needed := ctypes.CDLL(str(folder / file)), name):
            return needed[name]
    raise RuntimeError(f"llama.cpp lacks the function {name}")
