"""The plan of a load: what is chosen, what is refused, and what the user hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.engine.protocol import Load
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.devices import choose_devices
from modechat.engine.worker.loading.model_sizes import ModelSizes
from modechat.engine.worker.loading.offload import Device
from modechat.engine.worker.loading.planning import LoadPlan, plan_load
from tests.engine.machines import CPU, GIB, LLAMA_8B, gpu, integrated, model


def plan(
    *devices: Device, free_gib: float = 32, sizes: ModelSizes = LLAMA_8B, **wishes: Any
) -> LoadPlan:
    request = Load(model_path="model.gguf", formats=(), **wishes)
    return plan_load(request, sizes, devices, int(free_gib * GIB))


def refused(**wishes: Any) -> WorkerFailure:
    with pytest.raises(WorkerFailure) as raised:
        plan(**wishes)
    return raised.value


def test_a_model_that_fits_on_the_gpu_goes_there_with_a_long_context_and_large_batches() -> None:
    made = plan(gpu("CUDA0", 23.2))
    assert made.offload.is_whole
    assert (made.n_ctx, made.n_batch, made.notes) == (32_768, 512, ())


def test_a_model_that_fills_the_gpu_gets_the_context_that_a_quarter_of_the_rest_holds() -> None:
    made = plan(gpu("CUDA0", 11.5))
    assert made.offload.is_whole
    assert 4096 < made.n_ctx < 32_768
    assert made.n_ctx % 1024 == 0
    assert f"The context holds {made.n_ctx:,} tokens, not the 131,072" in made.notes[0]
    assert "--ctx" in made.notes[0]


def test_where_not_all_layers_fit_the_context_is_short_and_the_user_hears_how_many_do() -> None:
    made = plan(gpu("CUDA0", 3.8))
    assert (made.n_ctx, made.offload.n_gpu_layers) == (4096, 20)
    assert made.notes == (
        "20 of 33 layers fit into the 4.08 GB of free GPU memory; the CPU computes the others.",
    )


def test_where_no_layer_fits_the_cpu_computes_and_the_user_hears_why() -> None:
    made = plan(gpu("CUDA0", 0.3))
    assert made.offload.n_gpu_layers == 0
    assert (made.n_ctx, made.n_batch) == (16_384, 128)
    assert made.notes == ("No layer fits into the 322 MB of free GPU memory: the CPU computes.",)


def test_without_a_gpu_it_is_the_cpu_without_a_word() -> None:
    made = plan()
    assert (made.offload.n_gpu_layers, made.n_ctx, made.n_batch, made.notes) == (0, 16_384, 128, ())


def test_zero_layers_are_none() -> None:
    assert plan(gpu("CUDA0", 23), n_gpu_layers=0) == plan()


def test_a_number_of_layers_of_the_user_is_taken_without_a_word() -> None:
    made = plan(gpu("CUDA0", 23), n_gpu_layers=12)
    assert (made.offload.n_gpu_layers, made.notes) == (12, ())


def test_where_the_user_leaves_layers_to_the_cpu_the_context_suits_its_memory() -> None:
    made = plan(gpu("CUDA0", 80), n_gpu_layers=12, free_gib=8)
    assert made.n_ctx == plan(free_gib=8).n_ctx < plan(gpu("CUDA0", 80), free_gib=8).n_ctx


@given(st.floats(0, 96), st.floats(1, 64), st.sampled_from((None, 1, 12, 33)))
def test_what_is_chosen_is_never_refused(
    gpu_gib: float, free_gib: float, n_gpu_layers: int | None
) -> None:
    assert plan(gpu("CUDA0", gpu_gib), free_gib=free_gib, n_gpu_layers=n_gpu_layers).n_ctx >= 512


def test_a_context_of_the_user_is_taken_as_it_is() -> None:
    assert plan(n_ctx=5000).n_ctx == 5000
    assert plan(gpu("CUDA0", 23), n_ctx=100_000).n_ctx == 100_000


def test_a_context_that_does_not_fit_is_refused_with_both_numbers_and_one_that_does() -> None:
    failure = refused(n_ctx=100_000, free_gib=8)
    assert failure.title == "A context of 100,000 tokens needs 13.1 GB of memory; 8.59 GB are free"
    assert "--ctx 52224" in failure.hint
    assert "--kv-type q8_0" in failure.hint
    assert plan(n_ctx=52_224, free_gib=8).n_ctx == 52_224


def test_a_smaller_kv_type_makes_room_for_a_longer_context() -> None:
    assert plan(n_ctx=100_000, free_gib=8, kv_type="q8_0").n_ctx == 100_000
    assert plan(free_gib=10, kv_type="q4_0").n_ctx > plan(free_gib=10).n_ctx


def test_a_context_that_memory_made_short_has_a_note() -> None:
    made = plan(free_gib=8)
    assert made.n_ctx < 16_384
    assert f"{made.n_ctx:,} tokens" in made.notes[0]


def test_a_model_larger_than_memory_is_mapped_with_a_warning() -> None:
    made = plan(free_gib=4)
    assert made.n_ctx == 512
    assert any("larger than the free memory (4.29 GB)" in note for note in made.notes)


@pytest.mark.parametrize("wish", [{"mmap": False}, {"mlock": True}])
def test_a_model_larger_than_memory_is_refused_where_it_may_not_be_mapped(
    wish: dict[str, bool],
) -> None:
    failure = refused(free_gib=4, **wish)
    assert "GB of memory; 4.29 GB are free" in failure.title
    assert "mmap = true" in failure.hint


def test_a_model_without_layers_in_its_header_is_planned_all_the_same() -> None:
    assert plan(sizes=model(1, 0, kv_values=0, output_mib=0, n_ctx_train=0)).n_ctx == 4096


def test_a_plan_after_a_failure_says_what_was_tried_and_computes_as_the_cpu_does_at_last() -> None:
    made = plan(gpu("CUDA0", 3.8))
    cpu_only = plan().offload
    after = made.with_fewer_layers(cpu_only, "out of memory")
    assert after.has_failed
    assert after.n_batch == 128
    assert (
        after.notes[1]
        == "Loading with 20 of 33 layers on the GPU failed (out of memory): the CPU computes."
    )


# Which devices


def names(devices: tuple[Device, ...]) -> list[str]:
    return [device.name for device in devices]


def test_every_gpu_is_used_the_one_with_the_most_free_memory_first() -> None:
    assert names(choose_devices([gpu("CUDA0", 4), gpu("CUDA1", 23), CPU], ())) == ["CUDA1", "CUDA0"]


def test_an_integrated_gpu_is_used_only_where_there_is_no_other() -> None:
    both = [integrated("Vulkan1", 15), gpu("Vulkan0", 8), CPU]
    assert names(choose_devices(both, ())) == ["Vulkan0"]
    assert names(choose_devices([integrated("Vulkan0", 15), CPU], ())) == ["Vulkan0"]


def test_one_gpu_that_two_backends_know_is_used_once() -> None:
    twice = [
        gpu("CUDA0", 23),
        Device(**{**_fields(gpu("CUDA0", 23)), "name": "Vulkan0", "backend": "Vulkan"}),
    ]
    assert names(choose_devices(twice, ())) == ["CUDA0"]


def test_devices_that_are_named_come_in_that_order_in_any_case() -> None:
    both = [gpu("CUDA0", 4), gpu("CUDA1", 23), integrated("Vulkan0", 15)]
    assert names(choose_devices(both, ("cuda0", "CUDA1"))) == ["CUDA0", "CUDA1"]
    assert names(choose_devices(both, ("Vulkan0",))) == ["Vulkan0"]
    assert choose_devices(both, ("none",)) == ()


def test_a_device_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(WorkerFailure) as raised:
        choose_devices([gpu("CUDA0", 4), CPU], ("CUDA7",))
    assert "CUDA7" in raised.value.title
    assert raised.value.hint


def _fields(device: Device) -> dict[str, Any]:
    return {name: getattr(device, name) for name in device.__slots__}


def test_a_context_that_is_longer_than_needed_is_not_made_and_nothing_is_said_of_it() -> None:
    for made in (plan(n_ctx_needed=2048), plan(gpu("CUDA0", 11.5), n_ctx_needed=2048)):
        assert (made.n_ctx, made.notes) == (2048, ())
    assert plan(n_ctx_needed=2048, n_ctx=4096).n_ctx == 4096
    assert plan(n_ctx_needed=1 << 30).n_ctx == plan().n_ctx
    assert "--ctx" in plan(gpu("CUDA0", 11.5), n_ctx_needed=1 << 30).notes[0]
