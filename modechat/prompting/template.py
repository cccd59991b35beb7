"""Renders chat templates: Jinja, byte for byte as transformers' `apply_chat_template` does.

Owns the environment that templates run in: the immutable sandbox, because templates come from
strangers' files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Never

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

from modechat.prompting.renderer import TemplateError


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    bos_token: str | None,
    eos_token: str | None,
    add_generation_prompt: bool,
    **variables: Any,
) -> str:
    """Return the prompt that `template` makes of `messages` (dicts with `role` and `content`).

    A token that is None stays undefined. The variable `now` (an ISO time or a datetime) sets the
    clock of `strftime_now` and is not given to the template; all other variables are.

    Raises TemplateError if the template does not compile, fails or refuses.
    """
    clock = _read_clock(variables.pop("now", None))
    if bos_token is not None:
        variables["bos_token"] = bos_token
    if eos_token is not None:
        variables["eos_token"] = eos_token
    try:
        return _compile(template).render(
            messages=list(messages),
            add_generation_prompt=add_generation_prompt,
            strftime_now=clock.strftime,
            **variables,
        )
    except Exception as error:  # a template is code of strangers: it can raise anything
        raise TemplateError(str(error) or type(error).__name__) from error


def find_syntax_error(template: str) -> tuple[int, str] | None:
    """Return the line (from 1) and the reason why `template` is no Jinja; None if it is Jinja.

    The template is not run.
    """
    try:
        _environment().parse(template)
    except jinja2.TemplateSyntaxError as error:
        return error.lineno, error.message or "it is no Jinja"
    return None


def _read_clock(now: datetime | str | None) -> datetime:
    if isinstance(now, datetime):
        return now
    return datetime.fromisoformat(now) if now else datetime.now()


@lru_cache(maxsize=32)
def _compile(template: str) -> jinja2.Template:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[jinja2.ext.loopcontrols, _GenerationTag],
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    return environment


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML and sorts keys; models were trained on plain JSON.
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> Never:
    raise jinja2.TemplateError(message)


class _GenerationTag(jinja2.ext.Extension):
    """`{% generation %}` marks the model's own text for training; prompts do not need it."""

    tags = {"generation"}

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)
