"""The texts of the settings screen: the value, the source and the meaning of each setting."""

from __future__ import annotations

import contextlib
from enum import Enum
from typing import TYPE_CHECKING

from textual.content import Content

from modechat.commands.prompt_text import own_system
from modechat.commands.setting_commands import value_of
from modechat.commands.setting_values import Kind, Setting, shown_value
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.text import sanitize_line
from modechat.errors import EngineError
from modechat.session import provenance
from modechat.session.provenance import Valued

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_TEMPLATE = "model's template"
_QUESTION = "Hi"
_MOST_CHARACTERS = 300
_MOST_IN_RESULT = 60


class Scope(Enum):
    """The conversations that a change applies to."""

    CONVERSATION = "This conversation"
    EVERYWHERE = "Everywhere"

    @property
    def other(self) -> Scope:
        return Scope.EVERYWHERE if self is Scope.CONVERSATION else Scope.CONVERSATION


class SettingsView:
    """The settings in one `scope`, as texts."""

    def __init__(self, session: ChatSession) -> None:
        self._session = session
        self.scope = Scope.CONVERSATION
        self._template_systems: dict[str, str] = {}
        """The system texts of the model's template, by the settings that would replace them."""

    async def read_template(self) -> None:
        """Find the template's system texts for the modes in which the user set none.

        Without a model nothing is found.
        """
        settings = self._session.settings
        questions: dict[str, ChatMessage | Task] = {}
        if not settings.chat_system:
            questions["chat_system"] = ChatMessage(_QUESTION)
        if not settings.instruct_system:
            questions["instruct_system"] = Task(_QUESTION)
        with contextlib.suppress(EngineError):
            for name, question in questions.items():
                view = await self._session.prompts.alone(question)
                self._template_systems[name] = own_system(view)

    @property
    def is_for_all(self) -> bool:
        return self.scope is Scope.EVERYWHERE

    def valued(self, setting: Setting) -> Valued:
        return value_of(setting, self._session, for_all=self.is_for_all)

    def value(self, setting: Setting) -> Content:
        if template_system := self._template_system(setting):
            return Content.styled(template_system[:_MOST_CHARACTERS], "dim")
        return Content(shown_value(self.valued(setting).value)[:_MOST_CHARACTERS])

    def source(self, setting: Setting) -> Content:
        source = self._source(setting)
        is_own = source == provenance.THIS_CONVERSATION
        return Content.styled(source, "$text-accent" if is_own else "dim")

    def about(self, setting: Setting) -> Content:
        """Return the meaning of a setting, its range, and when a change begins to apply."""
        meaning = setting.meaning
        if setting.range:
            meaning += f" Range: {setting.range}."
        applies = f"From: {self._source(setting)} · applies {self._applies_from(setting)}"
        return Content.assemble(meaning, (f"\n{applies}", "dim"))

    def _template_system(self, setting: Setting) -> str:
        """Return the template's system text if the user set none; empty if it has none."""
        if self.valued(setting).value:
            return ""
        return sanitize_line(self._template_systems.get(setting.name, ""))

    def _source(self, setting: Setting) -> str:
        if self._template_system(setting):
            return _TEMPLATE
        return self.valued(setting).source

    def _applies_from(self, setting: Setting) -> str:
        if setting.kind is not Kind.CONTEXT:
            return "from the next turn on"
        if self.is_for_all:
            return "from now on, for every start"
        return "until modechat ends"

    def result(self, setting: Setting, value: object, scope: Scope) -> str:
        """Return a text that says that `setting` has `value` in `scope` now; None: it was reset."""
        if value is None:
            done = f"{setting.label} was reset"
        else:
            done = f"{setting.label}: {shown_value(value)[:_MOST_IN_RESULT]}"
        if setting.kind is Kind.CONTEXT:
            return f"{done}. The model is being loaded again."
        if scope is Scope.EVERYWHERE and self._has_own(setting):
            return f"{done}. But this conversation has a value of its own."
        return f"{done}."

    def _has_own(self, setting: Setting) -> bool:
        """Return True if the conversation has its own value, which overrides others."""
        own = self._session.effective.own
        if setting.kind is Kind.SAMPLING:
            return getattr(own.sampling, setting.name) not in (None, ())
        return getattr(own, setting.name) is not None
