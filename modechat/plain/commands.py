"""Answers commands with lines, and prints the lists that the screen offers for choosing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from modechat.commands.prompt_text import heading
from modechat.commands.requests import request_of, sent_before, task_usage
from modechat.commands.setting_commands import setting_lines
from modechat.commands.status import status_sentences
from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.counted import counted
from modechat.domain.mode import Mode
from modechat.domain.modes import Incomplete
from modechat.domain.text import ended, in_one_line, sanitize_line
from modechat.domain.titles import shown_title
from modechat.domain.typed import Typed
from modechat.errors import EngineError
from modechat.log_tail import LogTail
from modechat.paths import engine_log_file
from modechat.plain.words import cut_between_words, help_lines
from modechat.prompting.prompt_format import CHAT_TEMPLATE

if TYPE_CHECKING:
    from modechat.engine.prompt_view import PromptView
    from modechat.plain.output import Output
    from modechat.plain.prompt import PlainPrompt
    from modechat.plain.view import PlainView
    from modechat.session.chat_session import ChatSession

_MOST_LISTED = 30
_MOST_LOG_LINES = 20
_LONGEST_LISTED = 200  # characters


class PlainCommands:
    """The commands with printed answers. Methods have the names of the actions in the table.

    They return the reason if nothing was done, or else None.
    """

    def __init__(
        self,
        session: ChatSession,
        output: Output,
        view: PlainView,
        prompt: PlainPrompt,
        leave: Callable[[], None],
    ) -> None:
        """`leave` ends the program."""
        self._session = session
        self._output = output
        self._view = view
        self._prompt = prompt
        self._leave = leave

    def quit(self) -> None:
        """End the program."""
        self._leave()

    def help(self) -> None:
        """Print the modes, the ways to write, and the commands."""
        self._print(help_lines())

    def tell_status(self) -> None:
        """Print the mode, the model, its format and how full the context is."""
        self._print(status_sentences(self._session))

    def settings(self) -> None:
        """Print every setting with its value."""
        self._print(setting_lines(self._session))

    async def show_log(self) -> None:
        """Print the last lines of the engine's log."""
        path = engine_log_file()
        lines, _ = await run_in_daemon_thread(LogTail(path).read)
        self._output.line(sanitize_line(f"The log is {path}:"))
        self._print(map(sanitize_line, lines[-_MOST_LOG_LINES:]))

    def toggle_thinking_view(self) -> Incomplete | None:
        """Print the model's thinking before its last reply."""
        turn = self._session.last_turn
        if turn is None or not turn.reply.thinking:
            return Incomplete("The last reply has no thinking to show.")
        self._output.line(f"The model thought: {turn.reply.thinking}")
        return None

    def scroll_back(self) -> Incomplete | None:
        """Print some turns before those that were shown."""
        if self._view.show_earlier():
            return None
        return Incomplete("There is nothing earlier in this conversation.")

    async def inspect(self, words: str = "") -> Incomplete | None:
        """Print the prompt that the words would make; without words, that of the last turn."""
        try:
            shown = await self._prompt_of(words)
        except EngineError as error:
            return Incomplete(in_one_line(error.title, error.hint))
        if isinstance(shown, Incomplete):
            return shown
        view, mode = shown
        self._print((*heading(view, mode), "The prompt begins in the next line."))
        self._output.line(view.text, is_verbatim=True)
        self._output.line("The prompt ends.")
        return None

    async def _prompt_of(self, words: str) -> tuple[PromptView, Mode] | Incomplete:
        if not words:
            return await self._prompt_of_last_turn()
        text = await self._session.reads.attached(Typed(words), self._prompt.outbox.folder)
        if isinstance(text, Incomplete):
            return text
        request = request_of(text, self._session)
        if request is None:
            return Incomplete("That asks the model nothing, so it makes no prompt.")
        return await self._session.prompts.next(request), request.mode

    async def _prompt_of_last_turn(self) -> tuple[PromptView, Mode] | Incomplete:
        turn = self._session.last_turn
        if turn is None:
            return Incomplete(
                "There is no turn yet. /prompt TEXT shows the prompt that a text would make."
            )
        return await self._session.prompts.of_turn(turn), turn.mode

    async def search_history(self, words: str = "") -> Incomplete | None:
        """List the texts sent before; with a number, begin a message with that entry of the list.

        Numbers count from the newest entry.
        """
        entries = await self._prompt.sent()
        if words:
            entry = sent_before(words, entries)
            if isinstance(entry, Incomplete):
                return entry
            self._prompt.begin_with(entry, "Sent before")
            return None
        for number in range(min(len(entries), _MOST_LISTED), 0, -1):
            text = sanitize_line(cut_between_words(entries[number - 1].text, _LONGEST_LISTED))
            self._output.line(f"{number}: {text}")
        if not entries:
            return Incomplete("Nothing was sent before.")
        self._view.say("/history NUMBER begins a message with one of them.")
        return None

    # Lists

    def choose_task(self) -> Incomplete | None:
        """List the named tasks."""
        tasks = self._session.settings.tasks
        if not tasks:
            return Incomplete("There are no named tasks.")
        for task in tasks:
            self._output.line(ended(f"{task_usage(task)}: {sanitize_line(task.title)}"))
        return None

    def choose_format(self) -> None:
        """List the prompt formats."""
        model = self._session.model
        rows = [("auto", "what fits the model")]
        if model is None or model.has_template:
            rows.append((CHAT_TEMPLATE, "the model's own"))
        for named in self._session.settings.load.formats:
            rows.append((named.name, sanitize_line(named.title)))
        for name, text in rows:
            if model is not None and name == model.format:
                text += ", in use"
            self._output.line(f"/format {name}: {text}.")

    async def conversations(self) -> Incomplete | None:
        """List the newest conversations."""
        every = await self._session.library.summaries()
        if not every:
            return Incomplete("No conversation is saved yet.")
        for summary in every[:_MOST_LISTED]:
            turns = counted(summary.turn_count, "turn")
            when = summary.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
            here = ", open here" if summary.id == self._session.conversation_id else ""
            self._output.line(f"{summary.id}: {shown_title(summary.title)}, {turns}, {when}{here}.")
        n_more = len(every) - _MOST_LISTED
        more = f" {n_more} older ones are not listed." if n_more > 0 else ""
        self._view.say(f"/open NUMBER opens one, /delete NUMBER deletes one.{more}")
        return None

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._output.line(line)
