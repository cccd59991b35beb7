"""The named tasks in the command palette. Their titles come from files: they are shown as text, never as markup."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from modechat.domain.text import sanitize_line

if TYPE_CHECKING:
    from modechat.prompting.tasks import NamedTask
    from modechat.tui.app import ModechatApp


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
