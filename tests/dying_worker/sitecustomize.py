"""Makes workers die, in every process that has this folder on its PYTHONPATH: Python imports a
module of this name.

`DYING_WORKER` says when and how, as `MOMENT SIGNAL WHERE`: `load` or `decode`, a signal's name, and
`extras` (only with the CPU's extra buffers) or `always`. `decode` may have a count behind a colon:
it dies at that decode, from 1.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def _prepare(moment: str, number: signal.Signals, where: str) -> None:
    from modechat.engine.worker.bindings import llama

    load, decode = llama.llama_model_load_from_file, llama.llama_decode
    moment, _, count = moment.partition(":")
    left = int(count or 1)
    extras = True

    def die() -> None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def dying_load(path: bytes, params: Any) -> Any:
        nonlocal extras
        extras = params.use_extra_bufts
        if moment == "load" and (extras or where == "always"):
            die()
        return load(path, params)

    def dying_decode(context: Any, batch: Any) -> Any:
        nonlocal left
        left -= 1
        if moment == "decode" and left <= 0 and (extras or where == "always"):
            die()
        return decode(context, batch)

    llama.llama_model_load_from_file, llama.llama_decode = dying_load, dying_decode


if {"modechat.engine.worker", "modechat.engine.worker.self_test"} & {
    *sys.orig_argv
} and "DYING_WORKER" in os.environ:
    _moment, _name, _where = os.environ["DYING_WORKER"].split()
    _prepare(_moment, signal.Signals[_name], _where)
