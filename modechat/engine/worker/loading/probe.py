"""Prints what the build can do, in lines of JSON, in a process that `modechat.engine.probe` starts.

Each line says more than the one before. On a processor that it was not built for, llama.cpp may die
as soon as it begins, but the first line is out by then.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import asdict

from modechat.engine.build import CANNOT_LOAD
from modechat.engine.instructions import known_instructions
from modechat.engine.probe import EngineProbe, ProbedDevice


def main() -> None:
    try:
        from modechat.engine.worker.bindings import llama
        from modechat.engine.worker.loading.devices import can_offload, list_devices
    except (ImportError, OSError, RuntimeError) as error:
        _print(EngineProbe(error=f"{CANNOT_LOAD}: {error}"))
        return
    _print(EngineProbe(features=_features_of_build(), error="llama.cpp does not start"))
    llama.llama_backend_init()
    devices = tuple(ProbedDevice.model_validate(asdict(device)) for device in list_devices())
    features = llama.llama_print_system_info().decode(errors="replace")
    _print(EngineProbe(can_offload=can_offload(), features=features.strip(" |"), devices=devices))


def _features_of_build() -> str:
    """Return the instruction sets that the build uses, worded like llama.cpp's own list.

    The functions that this calls only return a number.
    """
    from modechat.engine.worker.bindings import ggml_function

    used = []
    for name in sorted(known_instructions()):
        with suppress(AttributeError, RuntimeError):  # a build for another kind of processor
            if ggml_function(f"ggml_cpu_has_{name.lower()}", ctypes.c_int)():
                used.append(f"{name} = 1")
    return " | ".join(used)


def _print(probe: EngineProbe) -> None:
    print(probe.model_dump_json(), flush=True)


if __name__ == "__main__":
    main()
