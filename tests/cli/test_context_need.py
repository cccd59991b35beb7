"""How long a context `modechat run` asks for: enough, whatever is asked, and no more than that."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.cli.context_need import n_ctx_needed
from modechat.cli.one_task import OneTask
from modechat.domain.conversation import Message, Role
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import ChatPrompt, Generate, InstructPrompt, Load
from modechat.session.settings import SessionSettings
from tests.cli.conftest import Shell
from tests.engine.driver import formats
from tests.tiny_models import write_llama


def needed(text: str, max_tokens: int | None = 32) -> int:
    prompt = InstructPrompt(instruction=text)
    return n_ctx_needed(Generate(id=1, prompt=prompt, sampling=Sampling(max_tokens=max_tokens)))


def test_a_question_needs_little_and_a_reply_without_a_limit_more() -> None:
    assert needed("What is the capital of Australia?") == 2048
    assert needed("What is the capital of Australia?", None) == 6144
    assert needed("x" * 5000, 100) == 6144


@given(st.text(), st.text(), st.integers(1, 10_000))
def test_it_has_room_for_one_token_for_each_byte_of_every_text(
    text: str, more: str, max_tokens: int
) -> None:
    n_bytes = len((text * 3 + more * 4).encode())
    example = Example(text, more, more)
    sampling = Sampling(max_tokens=max_tokens)
    task = InstructPrompt(
        instruction=text, input=more, prefill=text, system=more, examples=(example,)
    )
    chat = ChatPrompt(messages=(Message(Role.SYSTEM, text * 3), Message(Role.USER, more * 4)))
    for prompt in (task, chat):
        n_ctx = n_ctx_needed(Generate(id=1, prompt=prompt, sampling=sampling))
        assert n_ctx >= n_bytes + max_tokens + 1024
        assert n_ctx % 1024 == 0


async def test_a_prompt_that_needs_more_than_expected_is_answered_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As with a template that writes thousands of tokens of its own."""
    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=4096)
    load = Load(
        model_path=str(model), n_gpu_layers=0, n_threads=1, formats=formats(), n_ctx_needed=512
    )
    settings = SessionSettings(load=load, sampling=Sampling())
    sampling = Sampling(temperature=0, max_tokens=8)
    request = Generate(id=1, prompt=InstructPrompt(instruction="Go on. " * 100), sampling=sampling)

    engine = WorkerEngine()
    engine.start()
    assert await OneTask(engine, settings, request, sys.stdout, as_json=True).run() == 0
    assert json.loads(capsys.readouterr().out)["prompt_tokens"] > 700


def test_a_prompt_that_no_context_holds_is_refused_as_ever(shell: Shell, tiny: Path) -> None:
    done = shell.modechat(
        "run", "Summarise", "--model", tiny, "--max-tokens", "8", piped="word " * 1000
    )
    assert done.code == 6
    assert "the context holds 256" in done.err


def test_a_reply_that_fills_the_context_says_so(shell: Shell, endless: Path) -> None:
    done = shell.modechat("run", "Go on", "--model", endless, "--ctx", "256")
    assert done.code == 0
    assert (
        "The reply is incomplete: the context is full. Give the model more room with --ctx."
        in done.err
    )
