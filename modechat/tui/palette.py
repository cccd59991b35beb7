"""The command palette, with the named tasks in it. Their titles come from files: they are text, never markup."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from modechat.domain.text import sanitize_line
from modechat.tui.screens.steady import SteadyScreen

if TYPE_CHECKING:
    from textual.widgets import OptionList

    from modechat.prompting.tasks import NamedTask
    from modechat.tui.app import ModechatApp


class Palette(SteadyScreen[None], CommandPalette):
    def _action_command_list(self, action: str) -> None:
        commands = self.query_one(CommandList)
        if can_page(commands):
            super()._action_command_list(action)


def can_page(options: OptionList) -> bool:
    """Whether a page key does no harm: Textual raises KeyError where no option is drawn yet."""
    return options.option_count > 0 and bool(options.scrollable_content_region)


class TaskCommands(Provider):
    @property
    def _modechat(self) -> ModechatApp:
        from modechat.tui.app import ModechatApp

        assert isinstance(self.app, ModechatApp)
        return self.app

    def _tasks(self) -> Iterator[tuple[str, NamedTask]]:
        session = self._modechat.session
        for task in session.settings.tasks if session is not None else ():
            yield f"Task: {sanitize_line(task.title)}", task

    async def discover(self) -> Hits:
        for name, task in self._tasks():
            yield DiscoveryHit(Content(name), partial(self._begin, task), text=name, help=f"/task {task.name}")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, task in self._tasks():
            score = max(matcher.match(name), matcher.match(f"/task {task.name}"))
            if score > 0:
                yield Hit(score, Content(name), partial(self._begin, task), text=name, help=f"/task {task.name}")

    async def _begin(self, task: NamedTask) -> None:
        await self._modechat.begin_task(task)
