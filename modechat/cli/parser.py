"""The options of the command line, and the texts of `--help`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeAlias

from modechat import __version__
from modechat.cli.argument_types import (
    conversation,
    names_with_commas,
    number,
    path,
    share,
    whole_number,
)
from modechat.domain.kv_types import KV_TYPES

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

# The lines are shown as written, at most 79 columns wide: argparse would join them.
_DESCRIPTION = """\
Chat with a local GGUF model in the terminal. Type ### Instruction to switch to
single-shot tasks, ### Chat to come back."""

_RUN = """\
Do one task and print the reply on standard output. Text that is piped in
becomes the task's input: modechat run 'Summarise this text' < FILE
The headers ### Input, ### Response and ### Chat work as in the chat."""

_PROMPT = """\
Show the exact prompt that a message makes in the model's format, as text and
as tokens. Nothing is answered."""

_DOCTOR = """\
Show this machine's hardware, the build of llama.cpp and the devices that it
can use, models, folders and what the terminal can do; and what would be
faster, with the command for it."""

_BENCH = """\
Measure how fast a model is on this machine through modechat, next to
llama.cpp's own loop: prompt and generation, the first token of a growing chat,
changes of mode, resuming, guessing. Takes minutes."""

_EXIT_CODES = """\
exit codes: 0 done · 1 error · 2 wrong use · 3 wrong config file
            4 no usable model · 5 engine failed
            6 prompt too long for the context · 7 conversations cannot be saved
            8 the reply was cut before it fitted its schema or grammar
            130 stopped with Ctrl+C"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="modechat",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_model_options(lora="lora")],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"modechat {__version__}")
    parser.add_argument(
        "--new", action="store_true", help="start a new conversation instead of the last one"
    )
    parser.add_argument("--no-history", action="store_true", help="keep nothing on disk")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="lines instead of a screen: for screen readers and pipes",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="try the interface with scripted replies, without a model",
    )
    parser.add_argument(
        "--no-mouse",
        action="store_true",
        help="leave the mouse to the terminal, for its own selection",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_run_command(commands)
    _add_prompt_command(commands)
    _add_doctor_command(commands)
    _add_bench_command(commands)
    return parser


def _add_command(
    commands: Commands, name: str, help: str, **settings: Any
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=help,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **settings,
    )


def _add_run_command(commands: Commands) -> None:
    run = _add_command(
        commands,
        "run",
        "do one task and print the reply",
        description=_RUN,
        parents=[_model_options()],
    )
    run.add_argument(
        "instruction",
        nargs="*",
        help="what to do; without it, the instruction is read from the pipe",
    )
    run.add_argument(
        "--json", action="store_true", help="print one JSON object with the reply and its figures"
    )
    _add_input_options(run)
    constraint = run.add_mutually_exclusive_group()
    constraint.add_argument(
        "--schema", type=path, metavar="FILE", help="the reply is JSON that fits this JSON schema"
    )
    constraint.add_argument(
        "--grammar", type=path, metavar="FILE", help="the reply obeys this grammar, in GBNF"
    )


def _add_prompt_command(commands: Commands) -> None:
    prompt = _add_command(
        commands,
        "prompt",
        "show the exact prompt that a message makes, token by token",
        description=_PROMPT,
        parents=[_model_options()],
    )
    prompt.add_argument("text", nargs="*", help="the message; without it, it is read from the pipe")
    prompt.add_argument(
        "--mode",
        choices=("chat", "instruct"),
        help="chat, unless the text has a header or an input",
    )
    prompt.add_argument("--input", type=path, metavar="FILE", help="the task's input")
    prompt.add_argument(
        "--conversation",
        type=conversation,
        metavar="ID",
        help="as the next turn of this conversation, or of the `last`",
    )
    prompt.add_argument("--json", action="store_true", help="print one JSON object")
    _add_input_options(prompt)


def _add_doctor_command(commands: Commands) -> None:
    doctor = _add_command(
        commands,
        "doctor",
        "show what this machine has, and what would make modechat faster on it",
        description=_DOCTOR,
        argument_default=argparse.SUPPRESS,
    )
    doctor.add_argument("--model", type=path, metavar="PATH", help="look at this GGUF file, too")
    doctor.add_argument("--json", action="store_true", default=False, help="print one JSON object")


def _add_bench_command(commands: Commands) -> None:
    bench = _add_command(
        commands,
        "bench",
        "measure how fast a model is on this machine",
        description=_BENCH,
        argument_default=argparse.SUPPRESS,
    )
    _add_load_options(bench)
    bench.add_argument(
        "--quick", action="store_true", default=False, help="measure less, in a minute or two"
    )
    bench.add_argument("--json", action="store_true", default=False, help="print one JSON object")


def _add_input_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        type=path,
        metavar="FILE",
        help="a file whose text is the task's input, like @FILE in the text; "
        "can be given several times",
    )
    parser.add_argument(
        "--system", metavar="TEXT", help="the system prompt, in the place of the config's"
    )
    parser.add_argument(
        "--task", metavar="NAME", help="a named task, such as summarise or question"
    )


def _model_options(lora: str = "lora_of_command") -> argparse.ArgumentParser:
    """Return the options of every command that loads a model, before and after the command's name.

    `lora` is the name under which adapters are collected. With one name for both, those after a
    command would replace those before it.
    """
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("model")
    _add_load_options(group)
    group.add_argument(
        "--lora",
        action="append",
        dest=lora,
        metavar="FILE[:SCALE]",
        help="a LoRA adapter for the model, and how strongly it is applied; "
        "can be given several times",
    )
    group.add_argument(
        "--draft",
        type=path,
        metavar="PATH",
        help="a small model that guesses what the model will write",
    )
    group.add_argument(
        "--temperature", type=number(0, 10), metavar="T", help="0: always the likeliest token"
    )
    group.add_argument(
        "--top-k",
        type=whole_number(0, 2**31 - 1),
        metavar="N",
        help="choose among the N likeliest tokens",
    )
    group.add_argument(
        "--top-p",
        type=share,
        metavar="P",
        help="choose among the likeliest tokens whose chances add up to P",
    )
    group.add_argument(
        "--min-p",
        type=number(0, 1),
        metavar="P",
        help="leave out tokens less than P times as likely as the likeliest",
    )
    group.add_argument(
        "--repeat-penalty", type=number(0.01, 10), metavar="X", help="above 1: fewer repetitions"
    )
    group.add_argument(
        "--seed", type=whole_number(0, 2**32 - 2), metavar="N", help="same seed, same reply"
    )
    group.add_argument(
        "--format", metavar="NAME", help="prompt format; chat-template is the model's own"
    )
    group.add_argument(
        "--thinking", action=argparse.BooleanOptionalAction, help="let a reasoning model think"
    )
    group.add_argument(
        "--max-tokens", type=whole_number(1, 2**31 - 1), metavar="N", help="longest reply"
    )
    return options


def _add_load_options(options: argparse._ActionsContainer) -> None:
    options.add_argument("--model", type=path, metavar="PATH", help="the GGUF file to load")
    options.add_argument(
        "--ctx",
        type=whole_number(256, 2**31 - 1),
        metavar="N",
        help="context length in tokens; llama.cpp makes it a multiple of 256",
    )
    options.add_argument(
        "--gpu-layers",
        type=whole_number(0, 2**31 - 1),
        metavar="N",
        help="layers to put on the GPU; 0: none",
    )
    options.add_argument(
        "--device",
        type=names_with_commas,
        metavar="NAME[,NAME]",
        help="GPUs to use; modechat doctor lists them",
    )
    options.add_argument(
        "--kv-type",
        choices=KV_TYPES,
        metavar="TYPE",
        help="how the KV cache is stored: f16, q8_0, …",
    )
    options.add_argument(
        "--cpu-extras",
        choices=("auto", "on", "off"),
        metavar="on|off|auto",
        help="llama.cpp's kernels for this processor; auto: unless they crashed here",
    )
