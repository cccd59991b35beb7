"""Answers `modechat.engine.probe`: `python -m modechat.engine.worker.loading.probe` prints one line of JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict

from modechat.engine.probe import EngineProbe, ProbedDevice


def main() -> None:
    try:
        from modechat.engine.worker.bindings import llama
        from modechat.engine.worker.loading.devices import can_offload, list_devices
    except (ImportError, OSError, RuntimeError) as error:
        print(EngineProbe(error=f"llama.cpp cannot be loaded: {error}").model_dump_json())
        return
    llama.llama_backend_init()
    devices = tuple(ProbedDevice.model_validate(asdict(device)) for device in list_devices())
    features = llama.llama_print_system_info().decode(errors="replace")
    probe = EngineProbe(can_offload=can_offload(), features=features.strip(" |"), devices=devices)
    print(probe.model_dump_json())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
