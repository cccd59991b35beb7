"""Reads the JSON schema or the grammar that a reply must fit."""

from __future__ import annotations

from pathlib import Path

from modechat.domain.decoding import NotText, decode_text
from modechat.engine.protocol import Generate
from modechat.errors import UsageError
from modechat.models.failures import shown_path

_MOST_BYTES = 1 << 20


def constrain(request: Generate, schema: Path | None, grammar: Path | None) -> Generate:
    """Return `request` with the command line's schema or grammar in place of a named task's.

    Raises UsageError with the file in its title.
    """
    if schema is not None:
        from modechat.prompting.json_schema import grammar_of
        from modechat.prompting.schema_keywords import SchemaError
        from modechat.prompting.schema_text import read_schema

        text = _read(schema, "schema")
        try:
            grammar_of(read_schema(text))
        except SchemaError as error:
            raise UsageError(
                f"The schema {shown_path(schema)} cannot be used: {error}", "Change the schema."
            ) from error
        request = request.model_copy(update={"schema_text": text, "grammar": None})
    if grammar is not None:
        request = request.model_copy(
            update={
                "schema_text": None,
                "grammar": _read(grammar, "grammar"),
                "grammar_file": shown_path(grammar),
            }
        )
    if request.is_constrained and request.prompt.prefill:
        raise UsageError(
            "A reply that fits a schema or a grammar cannot begin with a ### Response",
            "Leave one of them out.",
        )
    return request


def _read(path: Path, kind: str) -> str:
    if path.is_dir():
        raise UsageError(
            f"The {kind} {shown_path(path)} is a folder", f"Give a file: --{kind} FILE"
        )
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(
            f"The {kind} {shown_path(path)} does not exist", f"Give a file: --{kind} FILE"
        ) from None
    except OSError as error:
        raise UsageError(
            f"The {kind} {shown_path(path)} cannot be read: {error.strerror}"
        ) from error
    if len(data) > _MOST_BYTES:
        raise UsageError(
            f"The {kind} {shown_path(path)} is larger than 1 MiB", "Give a smaller one."
        )
    try:
        return decode_text(data)
    except NotText as problem:
        raise UsageError(f"The {kind} {shown_path(path)} {problem.reason}", problem.hint) from None
