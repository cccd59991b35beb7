"""The prompt format of a loaded model: how messages become its prompt, in both modes.

It is the GGUF's own chat template, or a named format. Both are Jinja: there is one rendering path.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from modechat.domain.conversation import Message, message_text, task_messages
from modechat.domain.modes import Task
from modechat.prompting.formats import FormatSource
from modechat.prompting.template import render


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Texts of the model's special tokens that templates may name; None where it has none."""

    bos: str | None = None
    eos: str | None = None


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """The format that a loaded model uses, with its source, for both modes.

    The methods raise `TemplateError` if a template fails or refuses the conversation.
    """

    name: str
    source: FormatSource
    chat_template: str
    instruct_template: str | None = None
    """None: a task is one user turn through the chat template."""
    stop: tuple[str, ...] = ()
    tokens: SpecialTokens = SpecialTokens()

    def render_chat(self, messages: tuple[Message, ...], now: str | None = None) -> str:
        """The prompt of a chat whose last message is the user's. `now` is an ISO time: the clock of templates."""
        return render(
            self.chat_template,
            [asdict(message) for message in messages],
            self.tokens.bos,
            self.tokens.eos,
            add_generation_prompt=True,
            now=now,
        )

    def render_task(self, task: Task, system: str = "", now: str | None = None) -> str:
        """The prompt of a single-shot task, without its prefill."""
        if self.instruct_template is None:
            return self.render_chat(task_messages(task, system), now)
        return render(
            self.instruct_template,
            [{"role": "user", "content": message_text(task)}],
            self.tokens.bos,
            self.tokens.eos,
            add_generation_prompt=True,
            now=now,
            instruction=task.instruction,
            input=task.input,
            system=system,
        )
