"""Files that cannot be loaded: the worker says why, and lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modechat.engine.protocol import Cause, Failed, Loaded
from tests.engine.driver import lent_engine
from tests.tiny_models import write_bert, write_llama, write_unknown_architecture


def write_garbage(path: Path) -> Path:
    path.write_bytes(b"GGUF" + bytes(range(256)) * 4)
    return path


def write_truncated(path: Path) -> Path:
    data = write_llama(path).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


BAD: list[tuple[Callable[[Path], Path], str]] = [
    (write_bert, "embedding"),
    (write_unknown_architecture, "nonesuch"),
    (write_garbage, "cannot load"),
    (write_truncated, "cannot load"),
    (lambda path: path, "cannot load"),
]


@pytest.mark.parametrize(("write", "reason"), BAD)
async def test_a_bad_file_is_refused_with_a_reason_and_a_good_one_loads_after_it(
    write: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    bad, good = write(tmp_path / "bad.gguf"), write_llama(tmp_path / "good.gguf")

    async with lent_engine() as driver:
        failed = await driver.load(bad)
        assert isinstance(failed, Failed)
        assert isinstance(await driver.load(good), Loaded)
    assert failed.kind == "model"
    assert not failed.died
    assert reason in failed.title
    assert "bad.gguf" in failed.title
    assert failed.hint


async def test_a_context_larger_than_memory_is_refused_with_both_numbers(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf")

    async with lent_engine() as driver:
        failed = await driver.load(model, n_ctx=2**31 - 1)
        assert isinstance(failed, Failed)
    assert "2,147,483,647 tokens" in failed.title
    assert failed.cause is Cause.MEMORY
    assert "--ctx" in failed.hint
