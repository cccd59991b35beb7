"""Which prompt format a model gets: its own chat template if that works, else a named format."""

from __future__ import annotations

from modechat.domain.conversation import Message, Role
from modechat.prompting.formats import FormatSource, NamedFormat
from modechat.prompting.prompt_format import PromptFormat, SpecialTokens
from modechat.prompting.renderer import TemplateError

CHAT_TEMPLATE = "chat-template"
"""Name of the format that is the GGUF's own template."""

_PROBE = "Hello"


def resolve(chat_template: str | None, tokens: SpecialTokens, fallback: NamedFormat) -> tuple[PromptFormat, str]:
    """The format for a model with this template (None: it has none), and what the user should know about the choice.

    The second value is empty where there is nothing to say.
    """
    named = PromptFormat(
        name=fallback.name,
        source=FormatSource.BUILT_IN,
        chat_template=fallback.chat_template,
        instruct_template=fallback.instruct_template,
        stop=fallback.stop,
        tokens=tokens,
    )
    if chat_template is None:
        return named, f"The model's file has no chat template: using the format “{named.name}”."
    own = PromptFormat(CHAT_TEMPLATE, FormatSource.GGUF, chat_template, tokens=tokens)
    try:
        rendered = own.render_chat((Message(Role.USER, _PROBE),))
    except TemplateError as error:
        return named, f"The model's chat template fails ({error}): using the format “{named.name}”."
    if _PROBE not in rendered:
        return named, f"The model's chat template leaves out the message: using the format “{named.name}”."
    return own, ""
