"""Opens the parts that every chat front end needs: engine, conversations and settings."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
from typing import IO, TYPE_CHECKING

from modechat.paths import NOWHERE, data_folder, engine_log_file
from modechat.session.chat_setup import ChatSetup

if TYPE_CHECKING:
    from modechat.config import Config
    from modechat.store import Store

_MAX_LOG = 1 << 20  # bytes


def open_chat(
    arguments: argparse.Namespace,
    config: Config,
    worker: subprocess.Popen[bytes] | None,
    stack: contextlib.ExitStack,
    *,
    can_choose: bool = False,
) -> ChatSetup:
    """Start the engine and open the store.

    `worker` was spawned for this; None: the demo. Everything that must be closed at the end is
    pushed on `stack`. If `can_choose`, the user can choose a model on the screen if none is named.

    Raises ModechatError.
    """
    if worker is None:
        from modechat.cli.demo import demo_engine, demo_settings

        return ChatSetup(demo_engine(), _open_store(keep=False), demo_settings(), resume=False)
    from modechat.cli.local_engine import local_engine
    from modechat.cli.options import model_options
    from modechat.cli.setup import session_settings
    from modechat.cli.which_model import choose_model, model_to_begin_with
    from modechat.prompt_files import load_prompt_files

    files = load_prompt_files()
    keep = not arguments.no_history
    options = model_options(arguments)
    choose = model_to_begin_with if can_choose else choose_model
    model = choose(options.model, config)
    settings = session_settings(options, config, model, files, keep_history=keep)
    store = _open_store(keep=keep)
    engine = local_engine(worker, _open_engine_log(stack))
    engine.start()
    resume = config.interface.resume and not arguments.new
    return ChatSetup(engine, store, settings, resume, files.troubles)


def _open_store(*, keep: bool) -> Store:
    from datetime import UTC, datetime

    from modechat.errors import StoreError
    from modechat.store import Store

    def now() -> datetime:
        return datetime.now(UTC)

    if not keep:
        return Store.in_memory(now)
    folder = data_folder()
    if folder.is_relative_to(NOWHERE):
        raise StoreError(
            "There is no home folder to keep conversations in",
            "Set HOME, or XDG_DATA_HOME, to an absolute path, or start with --no-history, "
            "which keeps nothing.",
        )
    return Store.open(folder, now)


def _open_engine_log(stack: contextlib.ExitStack) -> IO[str] | None:
    """Open the file for the engine's log, or return None if it cannot be written."""
    from modechat.private_files import append_private, private_folder

    path = engine_log_file()
    try:
        private_folder(path.parent)
        log = append_private(path, _MAX_LOG)
    except OSError:
        return None
    stack.callback(_close, log)
    return log


def _close(log: IO[str]) -> None:
    with contextlib.suppress(OSError):  # a full disk
        log.close()
