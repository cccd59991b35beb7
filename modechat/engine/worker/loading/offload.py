"""Plans which layers go to which device. Pure: makes a plan from sizes and free memory.

llama.cpp puts the last layers of a model on GPUs, the output layer first of all; several GPUs hold
them in order. A plan never uses more of a device than its free memory less a margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from modechat.engine.worker.loading.model_sizes import ContextShape, ModelSizes

DeviceKind: TypeAlias = Literal["cpu", "gpu", "integrated", "accelerator"]

_LEAST_MARGIN = 512 << 20  # for the driver's kernels, and new windows of the desktop
_MARGIN_SHARE = 32


@dataclass(frozen=True, slots=True)
class Device:
    """A device that can compute."""

    name: str
    """llama.cpp's name: `CUDA0`."""
    description: str
    backend: str
    kind: DeviceKind
    free_bytes: int
    total_bytes: int
    shares_memory: bool = False
    """True if its memory is the system's memory."""
    id: str = ""
    """Identifies the hardware: two backends can know the same one."""


@dataclass(frozen=True, slots=True)
class DevicePart:
    """The layers of one device, which follow each other, and their memory."""

    device: str
    n_layers: int
    expected_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The layers that go to each device, in order; the CPU has the others."""

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
    """Return how many bytes of a device's memory a plan may use.

    `system_free` is the system's free memory.
    """
    free = device.free_bytes
    if device.shares_memory:
        free = min(free, system_free)
    return max(free - max(_LEAST_MARGIN, free // _MARGIN_SHARE), 0)


def total_budget(devices: Sequence[Device], system_free: int) -> int:
    """Return how many bytes of all devices' memory a plan may use."""
    return sum(_budgets(devices, system_free))


def plan_offload(
    sizes: ModelSizes, n_ctx: int, shape: ContextShape, devices: Sequence[Device], system_free: int
) -> Plan:
    """Put as many layers as fit on as few devices as hold them; each is filled before the next."""
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
    """Put the user's number of layers on the devices, even if they do not fit."""
    n_all = len(sizes.layers) + 1
    n_layers = min(n_layers, n_all) if devices else 0
    if not n_layers:
        return Plan((), n_all)
    budgets = _budgets(devices, system_free)
    fitting = _fill(sizes, n_ctx, shape, devices, budgets, n_layers)
    return Plan(fitting or _in_proportion(sizes, n_ctx, shape, devices, budgets, n_layers), n_all)


def smaller_plans(plan: Plan) -> tuple[Plan, ...]:
    """Return the plans to try if a plan fails: three quarters of its layers, half, none."""
    smaller: list[Plan] = []
    n_layers = plan.n_gpu_layers
    for count in (n_layers * 3 // 4, n_layers // 2, 0):
        if count < n_layers:
            smaller.append(_with_layers(plan, count))
            n_layers = count
    return tuple(smaller)


def _with_layers(plan: Plan, n_layers: int) -> Plan:
    """Return the plan with only the last `n_layers` of its layers."""
    parts: list[DevicePart] = []
    for part in reversed(plan.parts):
        kept = min(n_layers, part.n_layers)
        n_layers -= kept
        if kept:
            n_bytes = part.expected_bytes * kept // part.n_layers
            parts.append(DevicePart(part.device, kept, n_bytes))
    return Plan(tuple(reversed(parts)), plan.n_all)


def _budgets(devices: Sequence[Device], system_free: int) -> list[int]:
    n_sharing = [device.shares_memory for device in devices].count(True)
    return [budget(device, system_free // max(n_sharing, 1)) for device in devices]


def _fill(
    sizes: ModelSizes,
    n_ctx: int,
    shape: ContextShape,
    devices: Sequence[Device],
    budgets: Sequence[int],
    n_layers: int,
) -> tuple[DevicePart, ...] | None:
    """Put the last `n_layers` on the devices in turn; return None if they do not fit."""
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
    return None if costs else tuple(parts)


def _in_proportion(
    sizes: ModelSizes,
    n_ctx: int,
    shape: ContextShape,
    devices: Sequence[Device],
    budgets: Sequence[int],
    n_layers: int,
) -> tuple[DevicePart, ...]:
    costs = _costs(sizes, n_ctx, shape)[-n_layers:]
    if not sum(budgets):
        budgets = [1] * len(budgets)
    parts, start, share = [], 0, 0
    for device, room in zip(devices, budgets, strict=True):
        share += room
        end = n_layers * share // sum(budgets)
        if end > start:
            used = _fixed_bytes(sizes, n_ctx, shape, is_partial=True) + sum(costs[start:end])
            parts.append(DevicePart(device.name, end - start, used))
        start = end
    return tuple(parts)


def _costs(sizes: ModelSizes, n_ctx: int, shape: ContextShape) -> list[int]:
    """Return the bytes that each layer takes; the last one is the output layer."""
    costs = sizes.kv_bytes_by_layer(n_ctx, shape)
    for index, layer in enumerate(sizes.layers):
        costs[index] += layer.weight_bytes
    return [*costs, sizes.output_bytes]


def _fixed_bytes(sizes: ModelSizes, n_ctx: int, shape: ContextShape, *, is_partial: bool) -> int:
    """Return the bytes that a device needs besides its layers.

    They hold intermediate results, and weights that are copied to it while a prompt is evaluated.
    """
    fixed = sizes.compute_bytes(n_ctx, shape, with_output=True)
    if is_partial:
        fixed += max(layer.weight_bytes for layer in sizes.layers)
    return fixed
