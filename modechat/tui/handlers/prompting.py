"""Actions about the prompt: stopping, undo, queue, history, editor, tasks, inspector."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from modechat.commands.requests import needs_words, request_of, sent_before, task_detail
from modechat.commands.session_commands import thinks
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed

if TYPE_CHECKING:
    from modechat.commands.actions import Action
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.tui.chat_context import ChatContext


class PromptingActions:
    def __init__(self, context: ChatContext) -> None:
        self._context = context
        self._prompt = context.prompt
        self._composer = context.composer

    def connect(self, session: ChatSession) -> None:
        """Complete names after commands from now on."""
        self._prompt.completer.names = partial(names_after, session=session)
        self._prompt.completer.refuse = self._context.say

    async def stop(self) -> None:
        """Stop the reply, or what was asked for and has not begun yet.

        Queued messages come back to the prompt.
        """
        await self._prompt.keys_are_handled()
        session = self._context.session
        if self._prompt.dismiss() or self._composer.end_editing() or session is None:
            return
        if not session.is_busy and self._context.transcript.selection.clear():
            return
        self._composer.take_back()
        await self._composer.outbox.stop()

    def undo(self) -> None:
        self._prompt.area.undo()

    def redo(self) -> None:
        self._prompt.area.redo()

    async def take_back(self) -> None:
        await self._prompt.keys_are_handled()
        if not self._composer.take_back():
            self._context.say("Nothing is queued.")

    def open_paste(self) -> None:
        if reason := self._prompt.area.open_token():
            self._context.say(reason)

    async def search_history(self, words: str = "") -> Incomplete | None:
        """Let the user choose from the sent messages.

        With a number in `words`, bring back that message, counted from the newest.
        """
        if not words:
            self._context.begin_dialogue(self._search)
            return None
        entry = sent_before(words, await self._composer.outbox.sent())
        if isinstance(entry, Incomplete):
            return entry
        self._prompt.restore(entry)
        return None

    async def _search(self, session: ChatSession) -> None:  # noqa: ARG002
        from modechat.tui.screens.history import HistoryScreen

        history = HistoryScreen(self._prompt.recall.entries)
        chosen = await self._context.app.push_screen_wait(history)
        if chosen is not None:
            self._prompt.fill(chosen)

    async def edit_in_editor(self) -> None:
        from modechat.tui.editor import edit

        await self._prompt.keys_are_handled()
        typed = self._prompt.typed
        edited = await edit(self._context.app, typed.text)
        if isinstance(edited, Incomplete):
            self._context.say(edited.reason)
        elif edited != typed.text:
            self._prompt.area.show_edited(typed, edited)

    def label_of(self, action: Action) -> str:
        """Return the current label of an action: the switch for thinking says its state."""
        session = self._context.session
        if action.id != "toggle_thinking":
            return action.label
        state = thinks(session) if session is not None else None
        if state is None:
            return "Thinking"
        return f"Thinking: switch {'off' if state else 'on'}"

    # Named tasks

    def choose_task(self) -> None:
        self._context.begin_dialogue(self._choose_task)

    async def _choose_task(self, session: ChatSession) -> None:
        from modechat.tui.screens.picker import Choice, PickerScreen

        tasks = session.settings.tasks
        choices = [Choice(task.name, task.title, task_detail(task)) for task in tasks]
        chosen = await self._context.app.push_screen_wait(PickerScreen("Tasks", choices))
        if chosen is not None:
            await self.begin_task(tasks[chosen])

    async def begin_task(self, task: NamedTask) -> None:
        """Start a task that was chosen from a list, or fill the prompt if it needs more words."""
        if needs_words(task):
            self._prompt.fill(f"/task {task.name} ")
            return

        async def start(session: ChatSession) -> Incomplete | None:
            return await session.send(task.read(""), f"/task {task.name}")

        await self._context.do(start)

    # The inspector

    async def inspect(self, words: str = "") -> Incomplete | None:
        """Show the prompt that `words` would make.

        Without words, show that of the text at the prompt, or of the last turn.
        """
        from modechat.tui.screens.inspector import InspectorScreen

        session = self._context.session
        if session is None:
            return None
        await self._prompt.keys_are_handled()
        typed = Typed(words) or self._prompt.typed
        text = await session.reads.attached(typed, self._composer.outbox.folder)
        if isinstance(text, Incomplete):
            return text
        self._context.app.push_screen(InspectorScreen(session, request_of(text, session)))
        return None


def names_after(command: str, session: ChatSession) -> list[tuple[str, str]]:
    """Return the names that may follow a typed command, each with a description."""
    match command:
        case "task":
            return [(task.name, task.title) for task in session.settings.tasks]
        case "format":
            named = [(known.name, known.title) for known in session.settings.load.formats]
            return [("auto", "what fits the model"), *named]
        case "think":
            return [
                ("on", "think first"),
                ("off", "answer at once"),
                ("auto", "as the model's template has it"),
            ]
        case "lora":
            return [("off", "apply no adapter")]
        case _:
            return []
