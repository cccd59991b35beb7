"""Which load is offered after one that did not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.engine.protocol import Load, Placement
from modechat.engine.scripted import MODEL
from modechat.models.gguf import read_header
from modechat.session.smaller_load import seems_to_use_gpu, smaller_load
from tests.tiny_models import write_llama


def load(**changes: int | None) -> Load:
    return Load(model_path="x.gguf", formats=()).model_copy(update=changes)


def steps(first: Load, model: Path | None = None, *, uses_gpu: bool = False) -> list[str]:
    header = read_header(model) if model is not None else None
    words, used = [], first
    while step := smaller_load(used, first, header, uses_gpu=uses_gpu):
        words.append(step.words)
        used = step.load
    return words


def test_on_the_cpu_the_context_is_halved_down_to_512() -> None:
    assert steps(load(n_ctx=3000)) == [
        "half the context (1,500 tokens)",
        "half the context (750 tokens)",
        "half the context (512 tokens)",
    ]


def test_on_a_gpu_half_of_the_layers_then_none_come_first(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf")  # two blocks, and the output
    first = load(n_ctx=1024)
    assert steps(first, model, uses_gpu=True) == [
        "1 of its layers on the GPU",
        "none of its layers on the GPU",
        "half the context (512 tokens)",
    ]


def test_more_layers_than_there_are_count_as_all(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf")
    assert steps(load(n_ctx=512, n_gpu_layers=99), model, uses_gpu=True) == [
        "1 of its layers on the GPU",
        "none of its layers on the GPU",
    ]


def test_layers_that_nobody_can_count_go_to_the_cpu_at_once() -> None:
    assert steps(load(n_ctx=512), uses_gpu=True) == ["none of its layers on the GPU"]


def test_a_context_that_was_not_chosen_is_that_of_the_training_or_the_engines(
    tmp_path: Path,
) -> None:
    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=2048)
    assert steps(load(), model)[0] == "a context of 1,024 tokens"
    assert steps(load())[0] == "a context of 2,048 tokens"


@pytest.mark.parametrize(
    ("log", "uses"),
    [
        (("llama_model_load: using device CUDA0 (NVIDIA H200)",), True),
        (("load_tensors: offloaded 12/29 layers to GPU",), True),
        (("load_tensors: offloaded 0/29 layers to GPU",), False),
        (("llama_context: n_ctx = 4096",), False),
    ],
)
def test_the_engines_last_words_tell_whether_a_gpu_was_in_use(
    log: tuple[str, ...], uses: bool
) -> None:
    assert seems_to_use_gpu(None, log) is uses
    assert seems_to_use_gpu(MODEL, log) is False
    assert (
        seems_to_use_gpu(MODEL.model_copy(update={"placement": Placement(n_gpu_layers=1)}), ())
        is True
    )
