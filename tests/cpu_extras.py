"""Whether llama.cpp's kernels for this processor run here: tests load real models only in a way
that does.
"""

from __future__ import annotations

from functools import cache

from modechat.engine.protocol import CPUExtras
from modechat.engine.self_test import try_engine


@cache
def cpu_extras() -> CPUExtras:
    """What a `Load` needs that reaches llama.cpp without `SecondTry`, as in the test's own process.
    Tried once, in a process of its own.
    """
    return "auto" if try_engine("on").works else "off"
