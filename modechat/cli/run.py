"""`modechat run`: one task from the shell. The reply goes to standard output, everything else to standard error."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from modechat.cli.constraint import constrain, is_constrained
from modechat.cli.context_need import n_ctx_needed
from modechat.cli.local_engine import local_engine
from modechat.cli.options import model_options
from modechat.cli.piped import input_of, read_piped
from modechat.cli.request import named_task, request_for
from modechat.cli.setup import (
    USER_SOURCES,
    load_prompt_files_telling,
    session_settings,
    with_system,
)
from modechat.cli.streams import argument_text, can_repaint, takes_unicode, tell, write
from modechat.cli.text_limit import TextLimit
from modechat.cli.which_model import choose_model
from modechat.config import load_config
from modechat.domain.conversation import Reply, StopReason, leak_note, without_repetition
from modechat.engine.protocol import (
    Cancelled,
    Delta,
    Engine,
    Failed,
    Finished,
    Generate,
    Loaded,
    LoadProgress,
    Recovered,
    Stop,
)
from modechat.errors import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EngineError,
    ModechatError,
    UsageError,
)
from modechat.paths import config_file
from modechat.session.settings import SessionSettings, generate_request

if TYPE_CHECKING:
    import asyncio

_REQUEST_ID = 1
_INCOMPLETE = {
    StopReason.LENGTH: "The reply is incomplete: the limit of tokens cut it. Raise it with --max-tokens.",
    StopReason.CONTEXT: "The reply is incomplete: the context is full. Give the model more room with --ctx.",
    StopReason.REPEATS: "The reply was stopped: it repeats itself. Another --seed may help, or --repeat-penalty 1.1; "
    "stop_repetition = false, below [sampling] in the config file, lets it go on.",
}
_ALWAYS_TOLD = (StopReason.CONTEXT, StopReason.REPEATS)
_SECONDS_BETWEEN_DELTAS = 0.25
"""Where nobody sees the reply grow. In a terminal pieces of it come as often as in the chat."""
_ONLY_THOUGHT = (
    "The model thought, and answered nothing. --json has what it thought, --no-thinking may help."
)


def run(arguments: argparse.Namespace, worker: subprocess.Popen[bytes]) -> int:
    """Returns the exit code. `worker` was spawned for this. Raises ModechatError."""
    if sys.stdout is None:
        raise UsageError("Standard output is closed", "The reply goes there.")
    said = argument_text(arguments.instruction)
    config = load_config(config_file())
    prompt_files = load_prompt_files_telling()
    named = named_task(arguments.task, prompt_files)
    options = model_options(arguments)
    model = choose_model(options.model, config)
    limit = TextLimit(model, options.ctx or config.n_ctx)
    given = input_of(read_piped(limit), arguments.file, limit)
    request = request_for(named, said, given)
    settings = with_system(session_settings(options, config, model, prompt_files), arguments.system)
    generate = generate_request(_REQUEST_ID, request, (), settings, datetime.now(UTC))
    generate = constrain(generate, arguments.schema, arguments.grammar)
    if arguments.json or not sys.stdout.isatty():
        generate = generate.model_copy(update={"seconds_between_deltas": _SECONDS_BETWEEN_DELTAS})
    settings = replace(
        settings, load=settings.load.model_copy(update={"n_ctx_needed": n_ctx_needed(generate)})
    )
    engine = local_engine(
        worker, is_shown=lambda delta: not arguments.json and not delta.is_thinking
    )
    engine.start()
    task = OneTask(engine, settings, generate, sys.stdout, as_json=arguments.json)
    import asyncio  # takes as long as reading a small model, which the worker does meanwhile

    return asyncio.run(task.run())


class OneTask:
    """Asks one request of an engine that was started, at once, and prints the reply on `out`."""

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
        self._progress = _LoadProgressLine()
        self._reply = ""
        self._thinking = ""
        self._loaded: Loaded | None = None
        self._task: asyncio.Task[int] | None = None
        self._interrupted = False
        engine.send(settings.load)
        engine.send(request)

    async def run(self) -> int:
        """The exit code. Raises ModechatError."""
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
        async for event in self._engine.events():
            match event:
                case LoadProgress(fraction=fraction):
                    self._progress.show(fraction)
                case Loaded():
                    known = self._loaded.model.notes if self._loaded is not None else ()
                    self._loaded = event
                    self._progress.clear()
                    for note in event.model.notes:
                        if note not in known:
                            tell(note)
                case Delta(text=text, is_thinking=True):
                    self._thinking += text
                case Delta(text=text):
                    self._reply += text
                    if not self._as_json:
                        write(self._out, text)
                case Finished():
                    return self._print_end(event)
                case Cancelled():
                    return EXIT_INTERRUPTED
                case Recovered(text=text):
                    self._reply = self._thinking = ""  # nothing of it has been printed
                    self._progress.clear()
                    tell(text)
                case Failed(kind="context") if self._load_longer():
                    pass
                case Failed():
                    self._end_line()
                    raise _with_log(event)
                case _:
                    pass
        raise EngineError("The engine ended without an answer")

    def _load_longer(self) -> bool:
        """The prompt does not fit: if the context is only as long as it seemed to need, load again with a longer one.

        Whether it does.
        """
        load, loaded = self._settings.load, self._loaded
        if (
            load.n_ctx is not None
            or load.n_ctx_needed is None
            or loaded is None
            or self._interrupted
        ):
            return False
        if loaded.model.n_ctx < load.n_ctx_needed:  # memory or the model allow no more
            return False
        longer = load.model_copy(update={"n_ctx_needed": None})
        self._settings = replace(self._settings, load=longer)
        self._engine.send(longer)
        self._engine.send(self._request)
        return True

    def _print_end(self, finished: Finished) -> int:
        reason = finished.stop_reason
        if self._as_json:
            self._leave_out_repetition(finished)
            object_text = json.dumps(
                self._as_object(finished), ensure_ascii=not takes_unicode(self._out)
            )
            write(self._out, f"{object_text}\n")
        else:
            self._end_line()
        if reason is StopReason.LEAK:
            tell(f"{leak_note(finished.stats.leak)} Try another with --format NAME.")
        if reason is StopReason.STOPPED:
            return EXIT_INTERRUPTED
        is_cut = is_constrained(self._request) and reason in _INCOMPLETE
        if (
            is_cut
            or reason in _ALWAYS_TOLD
            or (reason is StopReason.LENGTH and not self._user_knows_limit)
        ):
            tell(_INCOMPLETE[reason])
        if not self._reply:
            tell(_ONLY_THOUGHT if self._thinking else "The model answered with nothing.")
        return EXIT_INCOMPLETE if is_cut else 0

    @property
    def _user_knows_limit(self) -> bool:
        """Whether the command line or the config file has set how long a reply may be, and not what fits the model."""
        return any(
            sampling.max_tokens is not None
            for source, sampling in self._settings.sampling_sources
            if source in USER_SOURCES
        )

    def _leave_out_repetition(self, finished: Finished) -> None:
        come = Reply(
            self._reply,
            stop_reason=finished.stop_reason,
            stats=finished.stats,
            thinking=self._thinking,
        )
        kept = without_repetition(come)
        self._reply, self._thinking = kept.text, kept.thinking

    def _end_line(self) -> None:
        if self._reply and not self._as_json:
            write(self._out, "\n")

    def _as_object(self, finished: Finished) -> dict[str, object]:
        assert self._loaded is not None  # nothing is finished before it
        stats = finished.stats
        return {
            "reply": self._reply,
            "thinking": self._thinking,
            "mode": self._request.prompt.mode,
            "format": stats.format,
            "format_source": stats.format_source,
            "fallback": stats.fallback,
            "neutralised": list(stats.neutralised),
            "model": self._loaded.model.name,
            "stop_reason": finished.stop_reason,
            "prompt_tokens": stats.prompt_tokens,
            "reused_tokens": stats.reused_tokens,
            "completion_tokens": stats.completion_tokens,
            "seconds_load": round(self._loaded.seconds_load, 4),
            "seconds_to_first_token": round(stats.seconds_to_first_token, 4),
            "tokens_per_second": round(stats.tokens_per_second, 2),
            "seed": stats.seed,
        }

    def _interrupt(self) -> None:
        """Stop the reply; before there is one, give up. Once: what follows ends within two seconds anyway."""
        if self._interrupted:
            return
        self._interrupted = True
        if self._loaded is not None:
            self._engine.send(Stop(id=_REQUEST_ID))
        elif self._task is not None:
            self._task.cancel()


class _LoadProgressLine:
    """How far the model is loaded, on standard error if it can be repainted there; gone when it is done."""

    def __init__(self) -> None:
        self._on_terminal = can_repaint(os.environ, sys.stderr)
        self._shown = False

    def show(self, fraction: float) -> None:
        if self._on_terminal:
            print(f"\rLoading the model: {fraction:4.0%}", end="", file=sys.stderr, flush=True)
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False


@contextlib.contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl+C calls `stop` where event loops can handle signals; elsewhere it raises KeyboardInterrupt as ever."""
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
    """The failure as an error whose hint ends with the engine's last words, if it died of them."""
    error = failed.as_error()
    if failed.died and failed.log_tail:
        log = "\n".join(f"    {line}" for line in failed.log_tail)
        error.hint = f"{error.hint}\nIts last log lines:\n{log}".strip()
    return error
