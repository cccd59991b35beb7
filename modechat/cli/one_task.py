"""Asks an engine for one reply and prints it, for `modechat run`."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from modechat.cli.progress_line import ProgressLine
from modechat.cli.setup import USER_SOURCES
from modechat.cli.streams import takes_unicode, tell, write
from modechat.commands.end_notes import note_of_command
from modechat.domain.continuing import without_repetition
from modechat.domain.conversation import Reply, ReplyState, ReplyStats, StopReason
from modechat.engine.connection import Connection
from modechat.engine.protocol import (
    Cancelled,
    Delta,
    Engine,
    Event,
    Failed,
    Finished,
    Generate,
    Loaded,
    LoadProgress,
    Stop,
)
from modechat.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, ModechatError
from modechat.session.settings import SessionSettings

if TYPE_CHECKING:
    import asyncio

_CUT = (StopReason.LENGTH, StopReason.CONTEXT, StopReason.REPEATS)


class OneTask:
    """Asks a started engine for one reply at once, and prints it on `out`."""

    def __init__(
        self,
        engine: Engine,
        settings: SessionSettings,
        request: Generate,
        out: TextIO,
        *,
        as_json: bool,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._request = request
        self._out = out
        self._as_json = as_json
        self._progress = ProgressLine()
        self._reply = ""
        self._thinking = ""
        self._loaded: Loaded | None = None
        self._task: asyncio.Task[int] | None = None
        self._interrupted = False
        self._connection = Connection(engine, self._begin_again)
        self._connection.send(settings.load)
        self._connection.send(request)

    async def run(self) -> int:
        """Print the reply and return the exit code. Raises ModechatError."""
        import asyncio

        self._task = asyncio.current_task()
        with _on_interrupt(self._interrupt):
            try:
                self._settings.files.check_model()
                return await self._answer()
            except asyncio.CancelledError:
                return EXIT_INTERRUPTED
            finally:
                self._progress.clear()
                await self._engine.close()

    async def _answer(self) -> int:
        while True:
            match await self._connection.next_event():
                case Finished() as finished:
                    return self._print_end(finished)
                case Cancelled():
                    return EXIT_INTERRUPTED
                case Failed(kind="context") if self._load_longer():
                    pass
                case Failed() as failed:
                    self._end_line()
                    raise _with_log(failed)
                case event:
                    self._show(event)

    def _show(self, event: Event) -> None:
        match event:
            case LoadProgress(fraction=fraction):
                self._progress.show(f"Loading the model: {fraction:4.0%}")
            case Loaded():
                self._show_notes(event)
            case Delta(text=text, is_thinking=True):
                self._thinking += text
            case Delta(text=text):
                self._reply += text
                if not self._as_json:
                    write(self._out, text)
            case _:
                pass

    def _show_notes(self, loaded: Loaded) -> None:
        """Print the notes on the loaded model that were not printed before."""
        known: tuple[str, ...] = ()
        if self._loaded is not None:
            known = self._loaded.model.notes
        self._loaded = loaded
        self._progress.clear()
        for note in loaded.model.notes:
            if note not in known:
                tell(note)

    def _begin_again(self, text: str) -> None:
        """Begin again after a new start of the engine, which `text` reports.

        No part of the reply was printed yet.
        """
        self._reply = self._thinking = ""
        self._progress.clear()
        tell(text)

    def _load_longer(self) -> bool:
        """Load with a longer context if the prompt did not fit; return True if that begins.

        A longer context is possible if the current one is only as long as the prompt seemed to
        need.
        """
        load, loaded = self._settings.load, self._loaded
        if load.n_ctx is not None or load.n_ctx_needed is None:
            return False
        if loaded is None or self._interrupted:
            return False
        if loaded.model.n_ctx < load.n_ctx_needed:  # memory or the model allow no more
            return False
        longer = load.model_copy(update={"n_ctx_needed": None})
        self._settings = replace(self._settings, load=longer)
        self._connection.send(longer)
        self._connection.send(self._request)
        return True

    def _print_end(self, finished: Finished) -> int:
        reply = Reply(
            self._reply,
            ReplyState.COMPLETE,
            finished.stop_reason,
            stats=finished.stats,
            thinking=self._thinking,
        )
        if self._as_json:
            is_ascii = not takes_unicode(self._out)
            answer = self._as_object(without_repetition(reply), finished.stats)
            write(self._out, json.dumps(answer, ensure_ascii=is_ascii) + "\n")
        else:
            self._end_line()
        if reply.stop_reason is StopReason.STOPPED:
            return EXIT_INTERRUPTED
        is_cut = self._request.is_constrained and reply.stop_reason in _CUT
        if not is_cut and reply.stop_reason is StopReason.LENGTH and self._user_knows_limit:
            reply = replace(reply, stop_reason=None)
        notes = [note_of_command(reply)]
        if not reply.text:
            notes.append(note_of_command(replace(reply, stop_reason=None)))
        for note in dict.fromkeys(filter(None, notes)):
            tell(note)
        return EXIT_INCOMPLETE if is_cut else 0

    @property
    def _user_knows_limit(self) -> bool:
        """True if the user limited the length of replies in the command line or the config file."""
        for source, sampling in self._settings.sampling_sources:
            if source in USER_SOURCES and sampling.max_tokens is not None:
                return True
        return False

    def _end_line(self) -> None:
        if self._reply and not self._as_json:
            write(self._out, "\n")

    def _as_object(self, reply: Reply, stats: ReplyStats) -> dict[str, object]:
        assert self._loaded is not None  # nothing ends before loading
        return {
            "reply": reply.text,
            "thinking": reply.thinking,
            "mode": self._request.prompt.mode,
            "format": stats.format,
            "format_source": stats.format_source,
            "fallback": stats.fallback,
            "neutralised": list(stats.neutralised),
            "model": self._loaded.model.name,
            "stop_reason": reply.stop_reason,
            "prompt_tokens": stats.prompt_tokens,
            "reused_tokens": stats.reused_tokens,
            "completion_tokens": stats.completion_tokens,
            "seconds_load": round(self._loaded.seconds_load, 4),
            "seconds_to_first_token": round(stats.seconds_to_first_token, 4),
            "tokens_per_second": round(stats.tokens_per_second, 2),
            "seed": stats.seed,
        }

    def _interrupt(self) -> None:
        """Stop the reply, or give up if it has not begun.

        Only the first Ctrl+C counts: the rest ends within two seconds anyway.
        """
        if self._interrupted:
            return
        self._interrupted = True
        if self._loaded is not None:
            self._connection.send(Stop(id=self._request.id))
        elif self._task is not None:
            self._task.cancel()


@contextlib.contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` for Ctrl+C if event loops can handle signals, else raise KeyboardInterrupt."""
    import asyncio

    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, stop)
    except NotImplementedError:
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _with_log(failed: Failed) -> ModechatError:
    """Return the failure as an error; if the engine died, its last log lines end the hint."""
    error = failed.as_error()
    if failed.died and failed.log_tail:
        log = "\n".join(f"    {line}" for line in failed.log_tail)
        error.hint = f"{error.hint}\nIts last log lines:\n{log}".strip()
    return error
