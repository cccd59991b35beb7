"""Plans which layers go to which device. Pure: from sizes and free memory to a plan.

llama.cpp puts the last layers of a model on GPUs, the output layer first of all; several GPUs hold them in order.
A plan never wants more of a device than its free memory less a margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from modechat.engine.worker.loading.model_sizes import ContextShape, ModelSizes

DeviceKind: TypeAlias = Literal["cpu", "gpu", "integrated", "accelerator"]

_LEAST_MARGIN = 512 << 20  # what drivers take for kernels, and the desktop for a new window
_MARGIN_SHARE = 32


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    """As llama.cpp calls it: `CUDA0`."""
    description: str
    backend: str
    kind: DeviceKind
    free_bytes: int
    total_bytes: int
    shares_memory: bool = False
    """Whether its memory is the system's."""
    id: str = ""
    """Which piece of hardware it is: two backends can know the same one."""


@dataclass(frozen=True, slots=True)
class DevicePart:
    """What one device gets: so many layers in a row, the output layer counted as one, and their memory."""

    device: str
    n_layers: int
    expected_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    parts: tuple[DevicePart, ...]
    n_all: int
    """Layers of the model, its output layer counted as one."""

    @property
    def n_gpu_layers(self) -> int:
        return sum(part.n_layers for part in self.parts)

    @property
    def is_whole(self) -> bool:
        return self.n_gpu_layers == self.n_all


def budget(device: Device, system_free: int) -> int:
    """How much of a device's memory a plan may use, in bytes. `system_free` is the system's free memory."""
    free = min(device.free_bytes, system_free) if device.shares_memory else device.free_bytes
    return max(free - max(_LEAST_MARGIN, free // _MARGIN_SHARE), 0)


def total_budget(devices: Sequence[Device], system_free: int) -> int:
    """How much of all devices' memory a plan may use."""
    return sum(_budgets(devices, system_free))


def plan_offload(
    sizes: ModelSizes, n_ctx: int, shape: ContextShape, devices: Sequence[Device], system_free: int
) -> Plan:
    """As many layers as fit on the devices, on as few of them as hold that many; each is filled before the next."""
    n_all = len(sizes.layers) + 1
    budgets = _budgets(devices, system_free)
    for n_layers in range(n_all, 0, -1):
        parts = _fill(sizes, n_ctx, shape, devices, budgets, n_layers)
        if parts is not None:
            return Plan(parts, n_all)
    return Plan((), n_all)


def plan_exactly(
    n_layers: int,
    sizes: ModelSizes,
    n_ctx: int,
    shape: ContextShape,
    devices: Sequence[Device],
    system_free: int,
) -> Plan:
    """The user's number of layers: as they fit, or, where they do not, in parts as large as the devices' memory."""
    n_all = len(sizes.layers) + 1
    n_layers = min(n_layers, n_all) if devices else 0
    if not n_layers:
        return Plan((), n_all)
    budgets = _budgets(devices, system_free)
    fitting = _fill(sizes, n_ctx, shape, devices, budgets, n_layers)
    return Plan(fitting or _in_proportion(sizes, n_ctx, shape, devices, budgets, n_layers), n_all)


def smaller_plans(plan: Plan) -> tuple[Plan, ...]:
    """What to try when a plan fails, in order: three quarters of its layers, half of them, none."""
    counts = (plan.n_gpu_layers * 3 // 4, plan.n_gpu_layers // 2, 0)
    return tuple(
        _with_layers(plan, count) for count in dict.fromkeys(counts) if count < plan.n_gpu_layers
    )


def _with_layers(plan: Plan, n_layers: int) -> Plan:
    """A plan with the last of its layers only."""
    parts: list[DevicePart] = []
    for part in reversed(plan.parts):
        kept = min(n_layers, part.n_layers)
        n_layers -= kept
        if kept:
            parts.insert(
                0, DevicePart(part.device, kept, part.expected_bytes * kept // part.n_layers)
            )
    return Plan(tuple(parts), plan.n_all)


def _budgets(devices: Sequence[Device], system_free: int) -> list[int]:
    n_sharing = sum(device.shares_memory for device in devices)
    return [budget(device, system_free // max(n_sharing, 1)) for device in devices]


def _fill(
    sizes: ModelSizes,
    n_ctx: int,
    shape: ContextShape,
    devices: Sequence[Device],
    budgets: Sequence[int],
    n_layers: int,
) -> tuple[DevicePart, ...] | None:
    """The last `n_layers` on the devices in turn; None if they do not fit."""
    costs = _costs(sizes, n_ctx, shape)[-n_layers:]
    parts: list[DevicePart] = []
    for device, room in zip(devices, budgets, strict=True):
        fixed = _fixed_bytes(sizes, n_ctx, shape, is_partial=n_layers <= len(sizes.layers))
        used, count = fixed, 0
        while count < len(costs) and used + costs[count] <= room:
            used += costs[count]
            count += 1
        costs = costs[count:]
        if count:
            parts.append(DevicePart(device.name, count, used))
    return tuple(parts) if not costs else None


def _in_proportion(
    sizes: ModelSizes,
    n_ctx: int,
    shape: ContextShape,
    devices: Sequence[Device],
    budgets: Sequence[int],
    n_layers: int,
) -> tuple[DevicePart, ...]:
    costs = _costs(sizes, n_ctx, shape)[-n_layers:]
    all_room = sum(budgets) or len(budgets)
    parts, start, share = [], 0, 0
    for device, room in zip(devices, budgets, strict=True):
        share += room if sum(budgets) else 1
        end = n_layers * share // all_room
        if end > start:
            used = _fixed_bytes(sizes, n_ctx, shape, is_partial=True) + sum(costs[start:end])
            parts.append(DevicePart(device.name, end - start, used))
        start = end
    return tuple(parts)


def _costs(sizes: ModelSizes, n_ctx: int, shape: ContextShape) -> list[int]:
    """Bytes that each layer takes where it is; the last one is the output layer."""
    layers = [
        layer.weight_bytes + sizes.layer_kv_bytes(layer, n_ctx, shape) for layer in sizes.layers
    ]
    return [*layers, sizes.output_bytes]


def _fixed_bytes(sizes: ModelSizes, n_ctx: int, shape: ContextShape, *, is_partial: bool) -> int:
    """What a device needs besides its layers: room to compute, and for weights that visit it while a prompt is read."""
    visitors = max((layer.weight_bytes for layer in sizes.layers), default=0) if is_partial else 0
    return sizes.compute_bytes(n_ctx, shape, with_output=True) + visitors
