"""`modechat prompt`: the exact prompt that a message would make, as text and as tokens.

The model does not answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from modechat.cli.local_engine import local_engine
from modechat.cli.options import ModelOptions, model_options
from modechat.cli.piped import input_of, read_file, read_piped
from modechat.cli.request import named_task, read_request, request_for, with_files
from modechat.cli.setup import load_prompt_files_telling, session_settings, with_system
from modechat.cli.streams import argument_text, standard_output, takes_unicode, tell, write
from modechat.cli.text_limit import TextLimit
from modechat.cli.which_model import choose_model
from modechat.commands.prompt_text import as_text
from modechat.config import load_config
from modechat.domain.conversation import Conversation, Turn, as_mode, clock_at
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.notices import too_long_note
from modechat.domain.typed import Typed
from modechat.engine.connection import Connection
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import Engine, Failed, Inspect, Inspected, Loaded
from modechat.errors import ContextError, EngineError, UsageError
from modechat.paths import config_file, data_folder, is_there
from modechat.session.effective_settings import with_own
from modechat.session.settings import SessionSettings, clock_text, prompt_of

_REQUEST_ID = 1


def prompt(arguments: argparse.Namespace, worker: subprocess.Popen[bytes]) -> int:
    """Run the command and return the exit code.

    `worker` was spawned for it. Raises ModechatError.
    """
    out = standard_output("The prompt goes there.")
    said = argument_text(arguments.text)
    config = load_config(config_file())
    files = load_prompt_files_telling()
    named = named_task(arguments.task, files)
    if named is not None and arguments.mode == Mode.CHAT:
        raise UsageError("A task is instruct mode", "Leave out --mode, or --task.")
    options = model_options(arguments)
    model = choose_model(options.model, config)
    limit = TextLimit(model, options.ctx or config.n_ctx)
    if arguments.input is None:
        piped = read_piped(limit)
    else:
        piped = read_file(arguments.input, limit)
    given = input_of(piped, arguments.file, limit)
    if named is not None:
        request = request_for(named, said, given)
    else:
        request = _read_request(with_files(said, Path()), given, arguments.mode)
    settings = session_settings(options, config, model, files, vocabulary_only=True)
    settings = with_system(settings, arguments.system)
    conversation = _read_conversation(arguments.conversation)
    turns: tuple[Turn, ...] = ()
    cut = None
    if conversation is not None:
        turns, cut = conversation.turns, conversation.cut
        if conversation.own is not None:
            settings = with_own(settings, conversation.own)
    clock = clock_at(datetime.now(UTC), conversation)
    inspect = Inspect(
        id=_REQUEST_ID,
        prompt=prompt_of(request, turns, settings, cut=cut),
        now=clock_text(clock),
        thinking=settings.thinking,
        format=_own_format(options, conversation),
    )
    engine = local_engine(worker)
    engine.start()
    view, n_ctx = asyncio.run(_inspect(engine, settings, inspect))
    mode = Mode(inspect.prompt.mode)
    if len(view.tokens) >= n_ctx:
        tell(f"{too_long_note(len(view.tokens), n_ctx)}: it would be refused.")
    if arguments.json:
        is_ascii = not takes_unicode(out)
        write(out, json.dumps(_as_object(view, mode), ensure_ascii=is_ascii) + "\n")
    else:
        write(out, as_text(view, mode))
    return 0


def _own_format(options: ModelOptions, conversation: Conversation | None) -> str | None:
    """Return the conversation's own format, unless the command line names one."""
    if options.format is not None or conversation is None or conversation.own is None:
        return None
    return conversation.own.format


def _as_object(view: PromptView, mode: Mode) -> dict[str, object]:
    return {
        "text": view.text,
        "tokens": [
            {"id": token.id, "text": token.text, "control": token.control} for token in view.tokens
        ],
        "mode": mode,
        "format": view.format,
        "format_source": view.format_source,
        "fallback": view.fallback,
        "parts": [{"part": name, "tokens": count} for name, count in view.parts],
        "neutralised": list(view.neutralised),
        "stop": list(view.stop),
    }


def _read_request(said: Typed, given: str, mode: str | None) -> ChatMessage | Task:
    """Read a chat message, or a task if a header, an input or the mode says so."""
    request = read_request(said, given)
    if mode is None:
        is_task = bool(given) or said.text.lstrip().startswith("###")
    else:
        is_task = mode == Mode.INSTRUCT
    return request if is_task else as_mode(request, Mode.CHAT)


def _read_conversation(wanted: int | Literal["last"] | None) -> Conversation | None:
    """Read a conversation; None if none is wanted.

    Raises StoreError if there is no such conversation, UsageError if there is none at all.
    """
    if wanted is None:
        return None
    from modechat.store import Store

    if not is_there(data_folder()):  # opening the store would create it
        raise UsageError("There is no conversation yet", "Begin one: modechat")
    store = Store.open(data_folder(), lambda: datetime.now(UTC))
    try:
        number = store.latest_id() if wanted == "last" else wanted
        if number is None:
            raise UsageError("There is no conversation yet", "Begin one: modechat")
        return store.conversation(number)
    finally:
        store.close()


async def _inspect(
    engine: Engine, settings: SessionSettings, inspect: Inspect
) -> tuple[PromptView, int]:
    """Return the prompt, and the number of tokens that the context holds. Raises ModechatError."""
    n_ctx = 0
    connection = Connection(engine, tell)
    try:
        connection.send(settings.load)
        settings.files.check_model()  # the worker starts meanwhile
        connection.send(inspect)
        while True:
            match await connection.next_event():
                case Loaded(model=model):
                    n_ctx = model.n_ctx
                    for note in model.notes:
                        tell(note)
                case Inspected(prompt=PromptView() as view):
                    return view, n_ctx
                case Inspected(error=reason, is_too_long=True):
                    raise ContextError(reason, "Shorten the text.")
                case Inspected(error=reason):
                    raise EngineError(reason)
                case Failed() as failed:
                    raise failed.as_error()
                case _:
                    pass
    finally:
        await engine.close()
