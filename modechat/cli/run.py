"""`modechat run`: does one task from the shell.

The reply goes to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from modechat.cli.constraint import constrain
from modechat.cli.context_need import n_ctx_needed
from modechat.cli.local_engine import local_engine
from modechat.cli.one_task import OneTask
from modechat.cli.options import model_options
from modechat.cli.piped import input_of, read_piped
from modechat.cli.request import named_task, request_for
from modechat.cli.setup import load_prompt_files_telling, session_settings, with_system
from modechat.cli.streams import argument_text, standard_output
from modechat.cli.text_limit import TextLimit
from modechat.cli.which_model import choose_model
from modechat.config import load_config
from modechat.engine.protocol import Delta
from modechat.paths import config_file
from modechat.session.settings import generate_request

_REQUEST_ID = 1
_SECONDS_BETWEEN_DELTAS = 0.25
"""Used if nobody sees the reply grow. In a terminal pieces of it come as often as in the chat."""


def run(arguments: argparse.Namespace, worker: subprocess.Popen[bytes]) -> int:
    """Run the command and return the exit code.

    `worker` was spawned for it. Raises ModechatError.
    """
    out = standard_output("The reply goes there.")
    said = argument_text(arguments.instruction)
    config = load_config(config_file())
    prompt_files = load_prompt_files_telling()
    named = named_task(arguments.task, prompt_files)
    options = model_options(arguments)
    model = choose_model(options.model, config)
    limit = TextLimit(model, options.ctx or config.n_ctx)
    given = input_of(read_piped(limit), arguments.file, limit)
    request = request_for(named, said, given)
    settings = session_settings(options, config, model, prompt_files)
    settings = with_system(settings, arguments.system)
    generate = generate_request(_REQUEST_ID, request, (), settings, datetime.now(UTC))
    generate = constrain(generate, arguments.schema, arguments.grammar)
    if arguments.json or not out.isatty():
        generate = generate.model_copy(update={"seconds_between_deltas": _SECONDS_BETWEEN_DELTAS})
    load = settings.load.model_copy(update={"n_ctx_needed": n_ctx_needed(generate)})
    settings = replace(settings, load=load)
    engine = local_engine(worker, is_shown=partial(_is_printed, as_json=arguments.json))
    engine.start()
    task = OneTask(engine, settings, generate, out, as_json=arguments.json)
    import asyncio  # slow, but the worker reads the model meanwhile

    return asyncio.run(task.run())


def _is_printed(delta: Delta, *, as_json: bool) -> bool:
    """Return True if the user sees this piece of a reply at once."""
    return not as_json and not delta.is_thinking
