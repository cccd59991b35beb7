"""The reply on its way out: thinking, stop strings and leaked markers, in the real order of these
steps.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, Delta, Generate, InstructPrompt
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.prompts import Prompts
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.loop_watch import HasChoice
from modechat.engine.worker.writing.reply_stream import ReplyStream
from modechat.prompting.resolve import ModelFacts
from modechat.prompting.template import render
from tests.engine.driver import chat, formats
from tests.tiny_models import CHATML, write_llama

THINKS = CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vocabulary]:
    path = write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf")
    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    assert model is not None
    handle = llama.llama_model_get_vocab(model)
    assert handle is not None
    yield Vocabulary(handle)
    llama.llama_model_free(model)


class Stream:
    """A reply of a model with this template."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        template: str | None = CHATML,
        prompt: ChatPrompt | InstructPrompt | None = None,
        *,
        format: str | None = None,
        stop: tuple[str, ...] = (),
        has_choice: HasChoice = lambda **_: True,
        stop_repetition: bool = True,
        seconds_between_deltas: float = 0.05,
    ) -> None:
        facts = ModelFacts(("tiny",), template, vocabulary.bos_and_eos)
        prompts = Prompts(vocabulary, facts, formats(), render, format)
        request = Generate(
            id=1, prompt=prompt or chat("Hello"), seconds_between_deltas=seconds_between_deltas
        )
        self._deltas: list[BaseModel] = []
        sampling = Sampling(stop=stop, stop_repetition=stop_repetition)
        made = prompts.make(request.prompt).prompt
        self.stream = ReplyStream(request, made, sampling, prompts, self._deltas.append, has_choice)

    def write(self, text: str) -> StopReason | None:
        """Feed `text`, a character a token, as far as it is taken."""
        reason = next(
            (ended for character in text if (ended := self.stream.add_token(character))), None
        )
        self.stream.finish()
        return reason

    @property
    def deltas(self) -> list[Delta]:
        return [delta for delta in self._deltas if isinstance(delta, Delta)]

    def said(self, *, thinking: bool = False) -> str:
        return "".join(delta.text for delta in self.deltas if delta.is_thinking is thinking)


def test_ordinary_text_passes_without_its_outer_white_space(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary)
    assert stream.write("\n A reply.\n\n- one\n- two \n") is None
    assert stream.said() == "A reply.\n\n- one\n- two"


def test_the_first_words_and_the_last_come_at_once_however_rarely_the_others_may(
    vocabulary: Vocabulary,
) -> None:
    stream = Stream(vocabulary, seconds_between_deltas=1000)
    stream.write("A reply.\nAnd more.")
    assert [delta.text for delta in stream.deltas] == ["A", " reply.\nAnd more."]
    often = Stream(vocabulary, seconds_between_deltas=0)
    often.write("A reply.")
    assert [delta.text for delta in often.deltas] == ["A", " r", *"eply."]


def test_tags_of_thinking_are_text_to_a_model_that_does_not_think(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary)
    stream.write("<think>so</think> yes")
    assert (stream.said(), stream.said(thinking=True)) == ("<think>so</think> yes", "")


def test_thinking_that_the_template_began_is_parted_from_the_answer(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary, THINKS)
    stream.write("Easy.\n</think>\n\n4")
    assert (stream.said(), stream.said(thinking=True)) == ("4", "Easy.")
    assert 0 < stream.stream.n_thinking_tokens < stream.stream.n_tokens


def test_a_stop_string_in_the_thinking_does_not_end_the_reply(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary, THINKS, stop=("END",))
    assert stream.write("not the END yet</think>here ENDs it") is StopReason.STOP_STRING
    assert (stream.said(), stream.said(thinking=True)) == ("here", "not the END yet")


def test_a_stop_string_that_begins_with_a_newline_counts_at_the_replys_beginning(
    vocabulary: Vocabulary,
) -> None:
    stream = Stream(vocabulary, None, format="transcript")
    assert stream.write("\nUser: and then?") is StopReason.STOP_STRING
    assert stream.said() == ""


@pytest.mark.parametrize(
    "marker", ["<|im_start|>", "### Instruction:", "[INST]", "<start_of_turn>"]
)
def test_a_reply_is_cut_where_it_begins_another_roles_turn(
    vocabulary: Vocabulary, marker: str
) -> None:
    stream = Stream(vocabulary, None, format="vicuna")
    assert stream.write(f"The answer is 4.\n\n{marker}user") is StopReason.LEAK
    assert (stream.said(), stream.stream.leak) == ("The answer is 4.", marker)


def test_markers_that_are_plain_text_in_the_models_own_template_end_the_reply_in_the_ordinary_way(
    vocabulary: Vocabulary,
) -> None:
    zephyr = "{% for m in messages %}<|user|>\n{{ m.content }}</s>\n{% endfor %}<|assistant|>\n"
    stream = Stream(vocabulary, zephyr)
    assert stream.write("4.\n<|user|>\nAnd then?") is StopReason.STOP_STRING
    assert (stream.said(), stream.stream.leak) == ("4.", "")
    words = "{% for m in messages %}User: {{ m.content }}\n\n{% endfor %}Assistant:"
    stream = Stream(vocabulary, words)
    assert stream.write("A User: is one who asks.\nUser: And then?") is StopReason.STOP_STRING
    assert stream.said() == "A User: is one who asks."


def test_a_marker_that_the_user_wrote_about_is_no_leak(vocabulary: Vocabulary) -> None:
    stream = Stream(
        vocabulary, None, prompt=chat("What does ### Instruction: mean?"), format="vicuna"
    )
    assert stream.write("It is\n### Instruction: a header") is None
    assert stream.said() == "It is\n### Instruction: a header"


def test_the_own_formats_marker_ends_the_reply_in_the_ordinary_way(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary, None, format="alpaca")
    assert stream.write("4.\n\n### Instruction: next") is StopReason.STOP_STRING
    assert (stream.said(), stream.stream.leak) == ("4.", "")


EXERCISE = (
    "Write a function that adds two numbers.\n\n### Instruction:\nAdd them.\n\n### Input:\n2 3\n\n### Output:\n5\n\n"
    "### Response:\nUser: gives two numbers\nAssistant: adds them\nHuman: reads\n[INST]\n<start_of_turn>"
)


def test_a_model_in_its_own_format_may_write_headings_and_roles_of_other_formats(
    vocabulary: Vocabulary,
) -> None:
    stream = Stream(vocabulary)
    assert stream.write(EXERCISE) is None
    assert stream.said() == EXERCISE


def test_a_control_token_that_begins_a_turn_ends_the_reply_also_in_the_models_own_format(
    vocabulary: Vocabulary,
) -> None:
    stream = Stream(vocabulary)
    assert stream.write("4.\n<|im_start|>user\nAnd then?") is StopReason.STOP_STRING
    assert (stream.said(), stream.stream.leak) == ("4.", "")


def test_a_prefill_is_the_beginning_of_the_answer(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary, prompt=InstructPrompt(instruction="Count", prefill="One,"))
    stream.write(" two")
    assert stream.said() == "One, two"


LOOP = "The fox ran into the forest and was happy. " * 200


def kept(stream: Stream, *, thinking: bool = False) -> str:
    said = stream.said(thinking=thinking)
    return said[: len(said) - stream.stream.n_repeated]


def test_a_reply_that_repeats_itself_ends_and_says_how_much_of_it_is_no_news(
    vocabulary: Vocabulary,
) -> None:
    stream = Stream(vocabulary)
    assert stream.write("Once upon a time. " + LOOP) is StopReason.REPEATS
    assert len(stream.said()) < 1000
    assert kept(stream) == "Once upon a time. The fox ran into the forest and was happy."


def test_thinking_that_repeats_itself_ends_too(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary, THINKS)
    assert stream.write(LOOP) is StopReason.REPEATS
    assert kept(stream, thinking=True) == "The fox ran into the forest and was happy."
    assert stream.said() == ""


def test_line_breaks_without_end_are_ended_though_none_of_them_is_shown(
    vocabulary: Vocabulary,
) -> None:
    stream = Stream(vocabulary)
    assert stream.write("Done." + "\n" * 3000) is StopReason.REPEATS
    assert kept(stream) == stream.said() == "Done."


def test_a_reply_that_may_repeat_itself_goes_on(vocabulary: Vocabulary) -> None:
    stream = Stream(vocabulary, stop_repetition=False)
    assert stream.write(LOOP) is None
    assert stream.said() == LOOP.rstrip()


def test_a_repetition_that_a_grammar_wants_is_none(vocabulary: Vocabulary) -> None:
    forced = Stream(vocabulary, has_choice=lambda **_: False)
    assert forced.write(LOOP) is None
    asked = iter([False] * 20 + [True])
    free = Stream(vocabulary, has_choice=lambda **_: next(asked))
    assert free.write(LOOP) is StopReason.REPEATS
    assert kept(free) == "The fox ran into the forest and was happy."
