"""Lists the devices that this build of llama.cpp can compute on, as ggml does (CUDA, Metal,
Vulkan).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache

from modechat.engine.worker.bindings import ggml_function, llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.offload import Device, DeviceKind

_KINDS: dict[int, DeviceKind] = {0: "cpu", 1: "gpu", 2: "integrated"}
"""Kinds by ggml_backend_dev_type; devices of other types only help the CPU."""
_SHARED_MEMORY = ("MTL", "Metal")
"""Backends of Apple's GPUs, which call themselves discrete."""
_POINTER = ctypes.c_void_p
_NONE = "none"


class _Properties(ctypes.Structure):
    """ggml_backend_dev_props."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        ("capabilities", ctypes.c_bool * 16),  # longer than needed: later versions may add some
    ]


def list_devices() -> tuple[Device, ...]:
    """Return all devices, the CPU included, with their free memory at this moment."""
    count = ggml_function("ggml_backend_dev_count", ctypes.c_size_t)
    get = ggml_function("ggml_backend_dev_get", _POINTER, ctypes.c_size_t)
    return tuple(_describe(get(index)) for index in range(count()))


def can_offload() -> bool:
    """Return True if this build can use a GPU at all."""
    return bool(llama.llama_supports_gpu_offload())


def choose_devices(devices: Sequence[Device], wanted: Sequence[str]) -> tuple[Device, ...]:
    """Return the devices to offload to, in order.

    These are the wanted ones, or else every GPU once, the one with the most free memory first.
    Integrated GPUs count only if there is no other. `none` wants no device. Raises WorkerFailure
    for a name that no device has.
    """
    gpus = [device for device in devices if device.kind in ("gpu", "integrated")]
    if wanted:
        return tuple(_named(name, gpus) for name in wanted if name != _NONE)
    discrete = [device for device in gpus if device.kind == "gpu"]
    first_of_id: dict[str, Device] = {}
    for device in discrete or gpus[:1]:
        # Two backends may know the same device.
        first_of_id.setdefault(device.id or device.name, device)
    return tuple(sorted(first_of_id.values(), key=_free_bytes, reverse=True))


def _free_bytes(device: Device) -> int:
    return device.free_bytes


@cache
def handle_of(name: str) -> int:
    """Return ggml's handle of a device that `list_devices` named."""
    handle = ggml_function("ggml_backend_dev_by_name", _POINTER, ctypes.c_char_p)(name.encode())
    assert handle is not None
    return int(handle)


def _named(name: str, gpus: Sequence[Device]) -> Device:
    for device in gpus:
        if device.name.casefold() == name.casefold():
            return device
    if name.casefold() == "cpu":
        hint = "`none` leaves all layers on the CPU."
    elif not can_offload():
        hint = (
            "This build of llama.cpp has no GPU support: "
            "modechat doctor names the command for one that has."
        )
    elif gpus:
        hint = f"There are: {', '.join(device.name for device in gpus)}."
    else:
        hint = "There is no GPU that this build of llama.cpp can use."
    raise WorkerFailure("model", f"There is no device “{name}”", hint)


def _describe(handle: int) -> Device:
    properties = _Properties()
    get_properties = ggml_function(
        "ggml_backend_dev_get_props", None, _POINTER, ctypes.POINTER(_Properties)
    )
    get_properties(handle, ctypes.byref(properties))
    backend = ggml_function("ggml_backend_dev_backend_reg", _POINTER, _POINTER)(handle)
    backend_name = _text(ggml_function("ggml_backend_reg_name", ctypes.c_char_p, _POINTER)(backend))
    kind = _KINDS.get(properties.type, "accelerator")
    return Device(
        name=_text(properties.name),
        description=_text(properties.description),
        backend=backend_name,
        kind=kind,
        free_bytes=properties.memory_free,
        total_bytes=properties.memory_total,
        shares_memory=kind != "gpu" or backend_name in _SHARED_MEMORY,
        id=_text(properties.device_id),
    )


def _text(text: bytes | None) -> str:
    return (text or b"").decode(errors="replace")
