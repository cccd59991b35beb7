"""LoRA adapters: they change replies, they are switched without loading again, and caches do not
mix.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import (
    Adapter,
    AdaptersChanged,
    Failed,
    InstructPrompt,
    Load,
    Loaded,
    UseAdapters,
)
from tests.engine.driver import Driver, chat, formats, lent_engine
from tests.tiny_models import write_llama, write_lora

LIMITED = Sampling(temperature=0, max_tokens=24)
LONG = "Tell me something that takes a while. " * 3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    return write_llama(folder / "tiny.gguf", n_ctx_train=1024), write_lora(folder / "lora.gguf")


def load_of(model: Path, *adapters: Adapter) -> Load:
    return Load(
        model_path=str(model),
        n_ctx=1024,
        n_gpu_layers=0,
        n_threads=1,
        formats=formats(),
        adapters=adapters,
    )


async def said(driver: Driver, *, instruct: bool = False) -> str:
    prompt = InstructPrompt(instruction=LONG) if instruct else chat(LONG)
    return (await driver.generate(prompt, LIMITED)).text


async def test_an_adapter_is_switched_on_and_off_without_loading_again(
    files: tuple[Path, Path],
) -> None:
    model, lora = files

    async with lent_engine() as driver:
        assert isinstance(await driver.ask(load_of(model), Loaded | Failed), Loaded)
        plain = await said(driver)
        for scale in (1.0, 0.5):
            wanted = Adapter(path=str(lora), scale=scale)
            changed = await driver.ask(UseAdapters(adapters=(wanted,)), AdaptersChanged)
            assert changed.adapters == (wanted,)
            assert await said(driver) != plain
        await driver.ask(UseAdapters(adapters=()), AdaptersChanged)
        assert await said(driver) == plain


async def test_what_was_evaluated_with_other_adapters_is_not_reused(
    files: tuple[Path, Path],
) -> None:
    model, lora = files

    async with lent_engine() as driver:
        await driver.ask(load_of(model), Loaded)
        await driver.generate(chat(LONG), LIMITED)
        await driver.ask(UseAdapters(adapters=(Adapter(path=str(lora)),)), AdaptersChanged)
        first = await driver.generate(chat(LONG), LIMITED)
        assert first.finished.stats.reused_tokens == 0
        await driver.ask(UseAdapters(adapters=()), AdaptersChanged)
        back = await driver.generate(chat(LONG), LIMITED)
        assert back.finished.stats.reused_tokens > 100  # the lane from before is still there


async def test_an_adapter_may_be_for_one_mode(files: tuple[Path, Path]) -> None:
    model, lora = files

    async def work(*adapters: Adapter) -> tuple[str, str]:
        async with lent_engine() as driver:
            await driver.ask(load_of(model, *adapters), Loaded)
            return await said(driver), await said(driver, instruct=True)

    chat_plain, instruct_plain = await work()
    chat_said, instruct_said = await work(Adapter(path=str(lora), mode="instruct"))
    assert chat_said == chat_plain
    assert instruct_said != instruct_plain


async def test_a_file_that_is_no_adapter_for_the_model_is_named(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    model, lora = files
    bad = (
        model,
        tmp_path / "missing.gguf",
        write_lora(tmp_path / "other.gguf", architecture="mamba"),
    )

    async with lent_engine() as driver:
        await driver.ask(load_of(model, Adapter(path=str(lora))), Loaded)
        before = await said(driver)
        for path in bad:
            changed = await driver.ask(
                UseAdapters(adapters=(Adapter(path=str(path)),)), AdaptersChanged
            )
            assert path.name in changed.error
            assert changed.hint
            assert changed.adapters == (Adapter(path=str(lora)),)
        assert await said(driver) == before
        failed = await driver.ask(load_of(model, Adapter(path=str(bad[1]))), Loaded | Failed)
        assert isinstance(failed, Failed)
        assert "missing.gguf" in failed.title


async def test_an_adapter_whose_file_was_changed_is_read_again(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    model, _ = files
    lora = write_lora(tmp_path / "lora.gguf", seed=1)
    wanted = Adapter(path=str(lora))

    async with lent_engine() as driver:
        await driver.ask(load_of(model, wanted), Loaded)
        first = await said(driver)
        lora.unlink()
        write_lora(lora, seed=2)
        await driver.ask(UseAdapters(adapters=(wanted,)), AdaptersChanged)
        changed = await said(driver)
    async with lent_engine() as driver:
        await driver.ask(load_of(model, wanted), Loaded)
        fresh = await said(driver)
    assert changed == fresh != first
