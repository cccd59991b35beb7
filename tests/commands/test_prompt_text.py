"""What is read from a prompt for people."""

from __future__ import annotations

import pytest

from modechat.commands.prompt_text import own_system
from modechat.engine.prompt_view import PromptView, TokenView
from modechat.prompting.formats import FormatSource


def view(*pieces: str) -> PromptView:
    """Pieces in angle brackets are control tokens; the last one is the message."""
    tokens = tuple(
        TokenView(id=n, text=text, control=text.startswith("<")) for n, text in enumerate(pieces)
    )
    parts = (("template", len(tokens) - 1), ("user", 1))
    return PromptView(
        text="".join(pieces),
        tokens=tokens,
        parts=parts,
        format="chat-template",
        format_source=FormatSource.GGUF,
        fallback="as is",
        neutralised=(),
        stop=(),
    )


@pytest.mark.parametrize(
    ("pieces", "system"),
    [
        (
            ("<s>", "system\n", "You are ", "SmolLM.", "<e>", "\n", "<s>", "user\n", "Hi"),
            "You are SmolLM.",
        ),
        (
            (
                "<s>",
                "system",
                "<h>",
                "\n\nToday is Monday.",
                "<e>",
                "<s>",
                "user",
                "<h>",
                "\n\n",
                "Hi",
            ),
            "Today is Monday.",
        ),
        (("<s>", "user\n", "Hi"), ""),
        (("<b>", "[INST] ", "Hi"), ""),
        (("### Instruction:\n", "Hi"), ""),
        (("Hi",), ""),
    ],
)
def test_the_system_text_of_a_template_is_what_it_says_in_front(
    pieces: tuple[str, ...], system: str
) -> None:
    assert own_system(view(*pieces)) == system
