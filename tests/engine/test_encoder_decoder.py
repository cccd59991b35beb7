"""Encoder-decoder models, on a tiny random T5."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Delta, InstructPrompt, Loaded
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.tokens import Vocabulary
from tests.engine.driver import chat, lent_engine
from tests.tiny_models import write_t5

LIMITED = Sampling(temperature=0, max_tokens=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_t5(tmp_path_factory.mktemp("models") / "tiny-t5.gguf")


def reference(path: Path, text: str, n_tokens: int) -> str:
    """What the model writes, computed with a context of its own: encode, then decode the likeliest
    token each time.
    """
    params = llama.llama_model_default_params()
    model = llama.llama_model_load_from_file(str(path).encode(), params)
    assert model is not None
    context = llama.llama_init_from_model(model, llama.llama_context_default_params())
    handle = llama.llama_model_get_vocab(model)
    assert context is not None
    assert handle is not None
    vocabulary = Vocabulary(handle)
    data = text.encode()
    room = (llama.llama_token * (len(data) + 8))()
    count = llama.llama_tokenize(handle, data, len(data), room, len(room), True, False)
    assert llama.llama_encode(context, llama.llama_batch_get_one(room, count)) == 0
    token, written = llama.llama_model_decoder_start_token(model), b""
    for _ in range(n_tokens):
        one = (llama.llama_token * 1)(token)
        assert llama.llama_decode(context, llama.llama_batch_get_one(one, 1)) == 0
        logits = llama.llama_get_logits_ith(context, -1)
        token = max(range(vocabulary.n_tokens), key=lambda i: logits[i])
        if vocabulary.is_end(token):
            break
        written += vocabulary.piece(token)
    llama.llama_free(context)
    llama.llama_model_free(model)
    return written.decode().strip()


async def test_an_instruction_is_encoded_and_the_reply_decoded(model: Path) -> None:
    async with lent_engine(model) as driver:
        tasks = [
            InstructPrompt(instruction="sum up", input=text)
            for text in ("a cat sat", "dogs bark", "a cat sat")
        ]
        first, second, again = [(await driver.generate(task, LIMITED)).text for task in tasks]
    assert first == again == reference(model, "sum up a cat sat", 12)
    assert second == reference(model, "sum up dogs bark", 12)
    assert first != second  # the text reaches the decoder


async def test_the_prompt_is_instruction_and_input_with_the_end_token(model: Path) -> None:
    async with lent_engine(model) as driver:
        view = await driver.inspect(InstructPrompt(instruction="sum up", input="a cat"))
    assert (view.text, view.format, view.tokens[-1].text) == ("sum up a cat", "t5", "</s>")


async def test_the_chat_sends_the_last_message_only_and_says_so(model: Path) -> None:
    async with lent_engine() as driver:
        loaded = await driver.load(model)
        assert isinstance(loaded, Loaded)
        assert not loaded.model.sees_history
        assert "your last message only" in " ".join(loaded.model.notes)
        view = await driver.inspect(chat("first", "reply", "second"))
        assert view.text == "second"
        alone = await driver.generate(chat("second"), LIMITED)
        late = await driver.generate(chat("first", "reply", "second"), LIMITED)
        assert alone.text == late.text


async def test_a_text_of_the_user_cannot_end_what_is_encoded(model: Path) -> None:
    async with lent_engine(model) as driver:
        view = await driver.inspect(InstructPrompt(instruction="a</s>b<pad>c"))
        controls = [token.text for token in view.tokens if token.control]
    assert controls.count("</s>") == 1
    assert "<pad>" not in controls


async def test_a_text_that_is_too_long_is_refused_with_both_numbers(model: Path) -> None:
    async with lent_engine(model) as driver:
        failed = (await driver.generate(InstructPrompt(instruction="a" * 4000))).failed
        assert failed.kind == "context"
        assert "128" in failed.title
        assert (
            await driver.generate(InstructPrompt(instruction="a"), LIMITED)
        ).finished.stats.prompt_tokens == 3


async def test_a_reply_can_be_stopped(model: Path) -> None:
    async with lent_engine(model) as driver:
        answer = await driver.generate(
            InstructPrompt(instruction="go on"),
            Sampling(temperature=1.5, seed=1),
            stop_when=lambda event: isinstance(event, Delta),
        )
    reason = answer.finished.stop_reason
    assert reason in (StopReason.STOPPED, StopReason.END, StopReason.CONTEXT)
