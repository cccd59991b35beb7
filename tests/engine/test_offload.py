"""The planner of GPU layers, on device lists of many machines: as many layers as fit, and never
more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.engine.worker.loading.model_sizes import ModelSizes
from modechat.engine.worker.loading.offload import (
    Device,
    DevicePart,
    Plan,
    budget,
    plan_exactly,
    plan_offload,
    smaller_plans,
)
from tests.engine.machines import (
    GIB,
    LLAMA_8B,
    LLAMA_70B,
    MIB,
    SHAPE,
    gpu,
    integrated,
    metal,
    model,
)

PLENTY = 64 * GIB


def layers(plan: Plan) -> list[tuple[str, int]]:
    return [(part.device, part.n_layers) for part in plan.parts]


def plan(
    sizes: ModelSizes, devices: Sequence[Device], n_ctx: int = 4096, system_free: int = PLENTY
) -> Plan:
    return plan_offload(sizes, n_ctx, SHAPE, devices, system_free)


@pytest.mark.parametrize(
    ("sizes", "devices", "expected"),
    [
        (LLAMA_8B, [], []),
        (LLAMA_8B, [gpu("CUDA0", 23.2, 24)], [("CUDA0", 33)]),
        (LLAMA_8B, [gpu("CUDA0", 7.4, 8)], [("CUDA0", 33)]),
        (LLAMA_8B, [gpu("CUDA0", 3.8, 4)], [("CUDA0", 20)]),
        (LLAMA_8B, [gpu("CUDA0", 0.9, 1)], []),
        (LLAMA_8B, [gpu("CUDA0", 0, 8)], []),
        (LLAMA_70B, [gpu("CUDA0", 23.2), gpu("CUDA1", 23.2)], [("CUDA0", 44), ("CUDA1", 37)]),
        (LLAMA_70B, [gpu("CUDA0", 23.2), gpu("CUDA1", 7.4)], [("CUDA0", 43), ("CUDA1", 12)]),
        (LLAMA_8B, [gpu("CUDA0", 23.2), gpu("CUDA1", 23.2)], [("CUDA0", 33)]),
        (LLAMA_8B, [gpu("CUDA0", 0.2), gpu("CUDA1", 23.2)], [("CUDA1", 33)]),
        (LLAMA_8B, [metal(10.7)], [("MTL0", 33)]),
        (LLAMA_8B, [integrated("Vulkan0", 15)], [("Vulkan0", 33)]),
    ],
)
def test_as_many_layers_as_fit_go_to_as_few_devices_as_hold_them(
    sizes: ModelSizes, devices: list[Device], expected: list[tuple[str, int]]
) -> None:
    assert layers(plan(sizes, devices)) == expected


@pytest.mark.parametrize("device", [metal(10.7), integrated("Vulkan0", 15)])
def test_a_gpu_that_shares_the_systems_memory_is_planned_with_what_is_free_of_it(
    device: Device,
) -> None:
    assert (
        plan(LLAMA_8B, [device], system_free=4 * GIB).n_gpu_layers
        == plan(LLAMA_8B, [gpu("x", 4)]).n_gpu_layers
    )
    assert plan(LLAMA_8B, [device], system_free=GIB).n_gpu_layers == 0


def test_a_gpu_with_memory_of_its_own_does_not_mind_a_full_system() -> None:
    assert plan(LLAMA_8B, [gpu("CUDA0", 23)], system_free=GIB).is_whole


def test_longer_contexts_take_the_place_of_layers() -> None:
    small = [gpu("CUDA0", 7)]
    counts = [plan(LLAMA_8B, small, n_ctx=n_ctx).n_gpu_layers for n_ctx in (4096, 32_768, 131_072)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] > 0


@pytest.mark.parametrize(
    ("n_layers", "devices", "expected"),
    [
        (0, [gpu("CUDA0", 23)], []),
        (10, [], []),
        (10, [gpu("CUDA0", 23)], [("CUDA0", 10)]),
        (999, [gpu("CUDA0", 23)], [("CUDA0", 33)]),
        (33, [gpu("CUDA0", 2)], [("CUDA0", 33)]),
        (33, [gpu("CUDA0", 1.5), gpu("CUDA1", 2.5)], [("CUDA0", 11), ("CUDA1", 22)]),
        (33, [gpu("CUDA0", 0), gpu("CUDA1", 0)], [("CUDA0", 16), ("CUDA1", 17)]),
    ],
)
def test_a_number_of_layers_that_the_user_gives_is_tried_even_if_it_does_not_fit(
    n_layers: int, devices: list[Device], expected: list[tuple[str, int]]
) -> None:
    assert layers(plan_exactly(n_layers, LLAMA_8B, 4096, SHAPE, devices, PLENTY)) == expected


def test_a_plan_that_fails_is_followed_by_three_quarters_half_and_none_of_its_layers() -> None:
    both = Plan((DevicePart("CUDA0", 20, 20 * MIB), DevicePart("CUDA1", 13, 13 * MIB)), n_all=33)
    assert [layers(smaller) for smaller in smaller_plans(both)] == [
        [("CUDA0", 11), ("CUDA1", 13)],
        [("CUDA0", 3), ("CUDA1", 13)],
        [],
    ]
    assert [
        smaller.n_gpu_layers for smaller in smaller_plans(Plan((DevicePart("CUDA0", 1, 1),), 33))
    ] == [0]
    assert smaller_plans(Plan((), 33)) == ()


# Whatever the machine and the model


SIZES = st.builds(
    model,
    st.integers(1, 100),
    st.floats(0.5, 2000),
    kv_values=st.integers(0, 16_384),
    output_mib=st.floats(0, 2000),
)
FREE = st.floats(0, 96)
DEVICES = st.lists(FREE, max_size=4).map(
    lambda frees: [gpu(f"CUDA{i}", free) for i, free in enumerate(frees)]
)
CONTEXTS = st.integers(256, 131_072)


@given(SIZES, DEVICES, CONTEXTS)
def test_a_plan_never_takes_more_of_a_device_than_its_memory_less_the_margin(
    sizes: ModelSizes, devices: list[Device], n_ctx: int
) -> None:
    made = plan(sizes, devices, n_ctx)
    by_name = {device.name: device for device in devices}
    assert made.n_gpu_layers <= made.n_all == len(sizes.layers) + 1
    assert len({part.device for part in made.parts}) == len(made.parts)
    for part in made.parts:
        device = by_name[part.device]
        assert 0 < part.expected_bytes <= budget(device, PLENTY) <= device.free_bytes - 512 * MIB


@given(SIZES, DEVICES, CONTEXTS)
def test_the_bytes_of_a_plan_are_those_of_its_layers(
    sizes: ModelSizes, devices: list[Device], n_ctx: int
) -> None:
    made = plan(sizes, devices, n_ctx)
    layer = sizes.layers[0].weight_bytes + sizes.kv_bytes_by_layer(n_ctx, SHAPE)[0]
    has_output = made.n_gpu_layers > 0
    least = layer * (made.n_gpu_layers - has_output) + sizes.output_bytes * has_output
    assert sum(part.expected_bytes for part in made.parts) >= least


@given(SIZES, FREE, FREE, CONTEXTS)
def test_more_free_memory_never_means_fewer_layers(
    sizes: ModelSizes, free: float, more: float, n_ctx: int
) -> None:
    device = gpu("CUDA0", free)
    roomier = replace(device, free_bytes=device.free_bytes + int(more * GIB))
    assert plan(sizes, [roomier], n_ctx).n_gpu_layers >= plan(sizes, [device], n_ctx).n_gpu_layers


@given(SIZES, DEVICES, FREE, CONTEXTS)
def test_one_more_gpu_never_means_fewer_layers(
    sizes: ModelSizes, devices: list[Device], free: float, n_ctx: int
) -> None:
    more = [*devices, gpu("CUDA9", free)]
    assert plan(sizes, more, n_ctx).n_gpu_layers >= plan(sizes, devices, n_ctx).n_gpu_layers
