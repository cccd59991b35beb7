"""Loading for real: sizes as planned, options as asked, and on a real device where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from gguf import GGUFReader, GGUFValueType, GGUFWriter

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Failed, Load, Loaded, ModelInfo
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.devices import can_offload, choose_devices, list_devices
from modechat.engine.worker.loading.loader import load
from modechat.engine.worker.loading.model_sizes import ContextShape, ModelSizes, sizes_of
from modechat.engine.worker.loading.planning import N_SEQUENCES
from modechat.engine.worker.model import LoadedModel
from modechat.gguf.layout import read_layout
from tests.cpu_extras import cpu_extras
from tests.engine.driver import chat, formats, running_engine
from tests.engine.vocabularies import native_log
from tests.tiny_models import write_llama, write_recurrent, write_t5

MIB = 1 << 20


@contextmanager
def loaded(path: Path, **wishes: Any) -> Iterator[LoadedModel]:
    wishes = {"n_threads": 1, "n_gpu_layers": 0} | wishes
    request = Load(model_path=str(path), formats=(), cpu_extras=cpu_extras(), **wishes)
    model = load(request, native_log(), lambda _fraction: True, lambda: False)
    try:
        yield model
    finally:
        model.close()


def refused(path: Path, **wishes: Any) -> WorkerFailure:
    with pytest.raises(WorkerFailure) as raised, loaded(path, **wishes):
        pass
    return raised.value


def sizes(path: Path) -> ModelSizes:
    layout = read_layout(path)
    assert layout is not None
    return sizes_of(layout)


def allocated(what: str) -> float:
    """Bytes of the buffers of this kind, as llama.cpp told when it loaded."""
    lines = [line for line in native_log().lines if f" {what} buffer size = " in line]
    return sum(float(line.split("=")[1].split()[0]) for line in lines) * MIB


# Sizes


@pytest.mark.parametrize("write", [write_llama, write_recurrent, write_t5])
def test_the_sizes_of_weights_are_those_of_the_files_tensors(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path / "tiny.gguf")
    found = sizes(path)
    tensors = {tensor.name: int(tensor.n_bytes) for tensor in GGUFReader(path).tensors}
    assert found.weight_bytes == sum(tensors.values())
    assert found.input_bytes == tensors["token_embd.weight"]
    assert all(layer.weight_bytes > 0 for layer in found.layers)


@pytest.mark.parametrize("kv_type", ["f32", "f16", "bf16"])
def test_the_size_of_a_kv_cache_is_known_before_it_is_there(kv_type: Any, tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf", n_ctx_train=65_536)
    with loaded(path, kv_type=kv_type, n_ctx=65_536) as model:
        shape = ContextShape(
            kv_type, N_SEQUENCES, model.n_batch, MOST_OUTPUTS, model.flash_attention
        )
        assert sizes(path).kv_bytes(model.n_ctx, shape) == pytest.approx(
            allocated("KV"), abs=0.01 * MIB
        )
        assert sizes(path).compute_bytes(model.n_ctx, shape, with_output=True) >= allocated(
            "compute"
        )


def test_the_state_of_a_recurrent_model_is_known_before_it_is_there(tmp_path: Path) -> None:
    path = write_recurrent(tmp_path / "tiny.gguf")
    with loaded(path) as model:
        shape = ContextShape("f16", N_SEQUENCES, model.n_batch, MOST_OUTPUTS, flash_attention=True)
        assert (
            sizes(path).kv_bytes(model.n_ctx, shape) >= allocated("RS") - 0.01 * MIB > 0
        )  # the log rounds


@pytest.mark.real_model
@pytest.mark.parametrize("kv_type", ["f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"])
def test_the_size_of_a_real_models_kv_cache_is_known_before_it_is_there(
    kv_type: Any, starter: Path
) -> None:
    with loaded(starter, kv_type=kv_type, n_ctx=1024) as model:
        shape = ContextShape(
            kv_type, N_SEQUENCES, model.n_batch, MOST_OUTPUTS, model.flash_attention
        )
        assert sizes(starter).kv_bytes(1024, shape) == pytest.approx(
            allocated("KV"), abs=0.02 * MIB
        )
        assert (model.kv_type, model.flash_attention) == (kv_type, True)


@pytest.mark.base_model
def test_the_size_of_a_kv_cache_with_sliding_windows_is_known_before_it_is_there(
    gemma: Path,
) -> None:
    with loaded(gemma, n_ctx=16_384) as model:
        assert llama.llama_model_n_swa(model.model) == 512
        shape = ContextShape("f16", N_SEQUENCES, model.n_batch, MOST_OUTPUTS, model.flash_attention)
        assert sizes(gemma).kv_bytes(16_384, shape) == pytest.approx(allocated("KV"), rel=0.01)
        assert allocated("compute") <= 64 * MIB  # no logits of a whole batch: that would be 128 MiB


def split_in_two(whole: Path) -> Path:
    """The same model in two files, as llama.cpp's own tool splits it: the first has all
    metadata.
    """
    reader = GGUFReader(whole)
    half = len(reader.tensors) // 2
    for part, tensors in enumerate((reader.tensors[:half], reader.tensors[half:])):
        writer = GGUFWriter(whole.with_name(f"tiny-{part + 1:05}-of-00002.gguf"), "llama")
        for name, field in reader.fields.items() if part == 0 else ():
            if not name.startswith(("GGUF.", "general.architecture")):
                kind = field.types[0]
                inner = field.types[-1] if kind is GGUFValueType.ARRAY else None
                writer.add_key_value(name, field.contents(), kind, inner)
        writer.add_uint16("split.no", part)
        writer.add_uint16("split.count", 2)
        writer.add_int32("split.tensors.count", len(reader.tensors))
        for tensor in tensors:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return whole.with_name("tiny-00001-of-00002.gguf")


def test_the_tensors_of_all_parts_of_a_split_model_count(tmp_path: Path) -> None:
    whole = write_llama(tmp_path / "tiny.gguf")
    first = split_in_two(whole)
    assert sizes(first) == sizes(whole)
    with loaded(first) as model:
        assert model.size_bytes == sum(tensor.n_bytes for tensor in GGUFReader(whole).tensors)
    first.with_name("tiny-00002-of-00002.gguf").unlink()
    assert read_layout(first) is None
    assert "cannot load" in refused(first).title


# The context


@pytest.mark.real_model
def test_the_starter_model_gets_the_context_that_it_was_trained_for(starter: Path) -> None:
    if psutil.virtual_memory().available < 2 << 30:
        pytest.skip("this machine has too little memory for it")
    with loaded(starter) as model:
        assert (model.n_ctx, model.n_ctx_train, model.notes) == (8192, 8192, ())


def test_a_model_that_is_loaded_for_inspecting_tells_the_context_that_it_would_get(
    tmp_path: Path,
) -> None:
    path = write_llama(tmp_path / "tiny.gguf", n_ctx_train=5120)
    with loaded(path, vocabulary_only=True) as inspected, loaded(path) as model:
        assert inspected.context is None
        assert inspected.n_ctx == model.n_ctx == 5120


def test_the_context_is_made_for_several_sequences(tmp_path: Path) -> None:
    with loaded(write_llama(tmp_path / "tiny.gguf")) as model:
        assert llama.llama_n_seq_max(model.context) == N_SEQUENCES
        assert llama.llama_n_batch(model.context) == model.n_batch == 128


# Options


def test_a_quantised_kv_cache_needs_flash_attention(tmp_path: Path) -> None:
    failure = refused(write_llama(tmp_path / "tiny.gguf"), kv_type="q8_0", flash_attention="off")
    assert "q8_0" in failure.title
    assert "flash attention" in failure.title
    assert "flash_attention" in failure.hint


def test_a_kv_type_that_does_not_fit_the_models_heads_is_refused_by_name(tmp_path: Path) -> None:
    failure = refused(
        write_llama(tmp_path / "tiny.gguf"), kv_type="q8_0"
    )  # its heads have 16 values, a block has 32
    assert "q8_0" in failure.title
    assert "--kv-type f16" in failure.hint


def test_flash_attention_can_be_left_out(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf")
    with (
        loaded(path, flash_attention="off") as without,
        loaded(path, flash_attention="on") as with_it,
    ):
        assert (without.flash_attention, with_it.flash_attention) == (False, True)


@pytest.mark.parametrize(("mmap", "buffer"), [(True, "CPU_Mapped"), (False, "CPU")])
def test_a_file_is_mapped_or_read_as_asked(mmap: bool, buffer: str, tmp_path: Path) -> None:
    with loaded(write_llama(tmp_path / "tiny.gguf"), mmap=mmap):
        assert any(f" {buffer} model buffer size" in line for line in native_log().lines)


def test_memory_that_the_system_does_not_lock_is_told(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    if os.name == "posix" and os.geteuid() == 0:
        pytest.skip("root may lock all memory")
    limits = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, limits[1]))
    try:
        with loaded(write_llama(tmp_path / "tiny.gguf"), mlock=True) as model:
            assert any("ulimit -l" in note for note in model.notes)
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, limits)


def test_a_load_that_is_given_up_ends_without_another_attempt(tmp_path: Path) -> None:
    asked = []

    def give_up(fraction: float) -> bool:
        asked.append(fraction)
        return False

    request = Load(model_path=str(write_llama(tmp_path / "tiny.gguf")), formats=())
    with pytest.raises(WorkerFailure):
        load(request, native_log(), give_up, lambda: False)
    assert len(asked) == 1


def test_zero_layers_and_no_device_are_the_cpu_without_a_reason(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf")
    with (
        loaded(path, n_gpu_layers=0) as none,
        loaded(path, n_gpu_layers=None, devices=("none",)) as no_device,
    ):
        assert str(none.placement) == str(no_device.placement) == "CPU"


@pytest.mark.skipif(can_offload(), reason="this build of llama.cpp can use a GPU")
def test_a_build_without_gpu_support_says_so(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf")
    with loaded(path, n_gpu_layers=None) as model:
        assert str(model.placement) == "CPU: this build has no GPU support"
    failure = refused(path, devices=("CUDA0",))
    assert "CUDA0" in failure.title
    assert "modechat doctor" in failure.hint


# On a GPU, or on a software device that stands in for one (CONTRIBUTING.md says how)

GPUS = choose_devices(list_devices(), ())
on_gpu = pytest.mark.skipif(not GPUS, reason="this build of llama.cpp finds no GPU")


@on_gpu
def test_a_small_model_goes_to_the_gpu_as_a_whole(tmp_path: Path) -> None:
    with loaded(write_llama(tmp_path / "tiny.gguf"), n_gpu_layers=None) as model:
        assert model.placement.n_gpu_layers == 3
        assert str(model.placement).startswith("GPU 3/3 · ")
        assert str(model.placement).endswith((" kB", " MB"))
        assert model.n_batch == 256  # no longer than the context


@on_gpu
def test_a_number_of_layers_is_kept(tmp_path: Path) -> None:
    with loaded(
        write_llama(tmp_path / "tiny.gguf"), n_gpu_layers=2, devices=(GPUS[0].name,)
    ) as model:
        assert str(model.placement).startswith("GPU 2/3 · ")


@on_gpu
@pytest.mark.real_model
def test_what_a_plan_expects_of_a_device_is_at_least_what_it_takes(starter: Path) -> None:
    for n_layers in (31, 10, 1):
        with loaded(starter, n_gpu_layers=n_layers, n_ctx=2048) as model:
            assert model.placement.n_gpu_layers == n_layers
            name = GPUS[0].name
            lines = [
                line for line in native_log().lines if f" {name} " in line and "buffer size" in line
            ]
            taken = sum(float(line.split("=")[1].split()[0]) for line in lines) * MIB
            found = sizes(starter)
            shape = ContextShape(
                "f16", N_SEQUENCES, model.n_batch, MOST_OUTPUTS, model.flash_attention
            )
            offloaded = found.layers[len(found.layers) + 1 - n_layers :]
            kv = sum(found.kv_bytes_by_layer(2048, shape)[len(found.layers) + 1 - n_layers :])
            weights = found.output_bytes + sum(layer.weight_bytes for layer in offloaded)
            visitor = found.layers[0].weight_bytes
            assert (
                taken <= weights + kv + found.compute_bytes(2048, shape, with_output=True) + visitor
            )


async def with_buffers_of(n_bytes: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelInfo:
    """Load where the GPU takes no larger buffers than these, which no plan can know."""
    monkeypatch.setenv("GGML_VK_FORCE_MAX_BUFFER_SIZE", str(n_bytes))
    async with running_engine() as driver:
        loaded = await driver.ask(Load(model_path=str(path), formats=formats()), Loaded | Failed)
        assert isinstance(loaded, Loaded), loaded
        return loaded.model


on_vulkan = pytest.mark.skipif(
    "Vulkan" not in {gpu.backend for gpu in GPUS}, reason="needs a Vulkan device"
)


@on_vulkan
async def test_a_gpu_that_fails_is_tried_with_fewer_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = await with_buffers_of(64, write_llama(tmp_path / "tiny.gguf"), monkeypatch)
    assert str(info.placement).startswith("GPU 1/3")
    tried = [note for note in info.notes if note.startswith("Loading")]
    assert [note.split(" layers")[0] for note in tried] == [
        "Loading with 3 of 3",
        "Loading with 2 of 3",
    ]
    assert tried[0].endswith("with 2 next.")
    assert tried[1].endswith("with 1 next.")


@on_vulkan
@pytest.mark.real_model
async def test_a_gpu_that_fails_with_any_layers_is_left_alone(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = await with_buffers_of(20_000_000, starter, monkeypatch)
    assert str(info.placement) == "CPU: the GPU failed"
    assert [note.split(" layers")[0] for note in info.notes if note.startswith("Loading")] == [
        "Loading with 31 of 31",
        "Loading with 23 of 31",
        "Loading with 15 of 31",
    ]
    assert "unable to allocate" in info.notes[-1]
    assert info.notes[-1].endswith("the CPU computes.")


@on_vulkan
@pytest.mark.real_model
async def test_what_is_too_large_for_one_gpu_is_shared_by_two(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = min(GPUS[0].free_bytes, 3 << 30)
    if free < GPUS[0].free_bytes or psutil.virtual_memory().available < 3 * free:
        pytest.skip(
            "this needs a small GPU, such as Mesa's software device, and memory for twice what it has"
        )
    n_ctx = free // 30_000  # a token takes 23 kB
    monkeypatch.setenv("GGML_VK_VISIBLE_DEVICES", "0,0")  # one device, known under two names

    async with running_engine() as driver:
        request = Load(
            model_path=str(starter),
            formats=formats(),
            n_ctx=n_ctx,
            devices=("Vulkan0", "Vulkan1"),
            cpu_extras=cpu_extras(),
        )
        loaded = await driver.ask(request, Loaded | Failed)
        assert isinstance(loaded, Loaded), loaded
        assert str(loaded.model.placement).startswith("GPU 31/31 · ")
        answer = await driver.generate(
            chat("What is the capital of France?"), Sampling(temperature=0, max_tokens=8)
        )
    assert "Paris" in answer.text
