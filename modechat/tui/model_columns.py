"""The columns of a list of models, and the lines about one model.

Their texts are made safe to show.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.content import Content

from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.text import sanitize_line
from modechat.models.catalog import ModelFile
from modechat.models.failures import shown_path
from modechat.models.fit import Fit, fit
from modechat.tui.widgets.row_list import Column

_FIT_COLOURS = {Fit.FITS: "$text-success", Fit.TIGHT: "$text-warning", Fit.TOO_LARGE: "$text-error"}
_NOT_KNOWN = "–"
_LONGEST_NAME = 200


def model_columns(
    is_current: Callable[[ModelFile], bool], free_bytes: int
) -> tuple[Column[ModelFile], ...]:
    """Return the columns. A narrow list leaves out the less important ones."""

    def mark(model: ModelFile) -> Content:
        return Content.styled("●" if is_current(model) else " ", "$text-success")

    def name(model: ModelFile) -> Content:
        return Content.styled(shown_model(model), "dim" if model.header is None else "")

    def fits(model: ModelFile) -> Content:
        if model.header is None:
            return Content.styled("unusable", "$text-error")
        found = fit(model.needed_bytes, free_bytes)
        return Content.styled(str(found), _FIT_COLOURS[found])

    return (
        Column("", mark, width=1),
        Column("Name", name),
        _text_column("Size", _size, width=8, at_right=True, needs=44),
        _text_column("Quant", _quantization, width=7, needs=56),
        _text_column("Context", _context, width=7, at_right=True, needs=64),
        _text_column("Chat", _template, width=4, needs=64),
        Column("Memory", fits, width=9),
        _text_column("Found in", _place, width=16, needs=92),
    )


def _text_column(
    title: str, text: Callable[[ModelFile], str], *, width: int, needs: int, at_right: bool = False
) -> Column[ModelFile]:
    def content(model: ModelFile) -> Content:
        return Content(text(model))

    return Column(title, content, width=width, at_right=at_right, needs=needs)


def about_model(model: ModelFile, free_bytes: int) -> Content:
    """Return what the columns say about a model, and what they have no room for."""
    path = Content.styled(_short_path(model.path), "dim")
    if model.header is None:
        problem = Content.styled(sanitize_line(model.problem), "$text-error")
        return Content("\n").join([problem, path])
    header = model.header
    facts = [sanitize_line(header.architecture)[:_LONGEST_NAME], _quantization(model), _size(model)]
    if model.n_parts > 1:
        facts.append(f"{model.n_parts} files")
    facts.append(f"trained for {_context(model)}")
    with_or_without = "with" if header.has_chat_template else "without"
    facts.append(f"{with_or_without} a chat template")
    facts.append(
        f"needs about {shown_bytes(model.needed_bytes)}, {shown_bytes(free_bytes)} are free"
    )
    shown = " · ".join(fact for fact in facts if fact and not fact.endswith(_NOT_KNOWN))
    return Content("\n").join([Content(shown), Content.assemble(_place(model), " · ", path)])


def shown_model(model: ModelFile) -> str:
    """Return the model's name, safe to show in one line."""
    name = model.name[: 4 * _LONGEST_NAME].encode("utf-8", "replace").decode()
    return sanitize_line(name)[:_LONGEST_NAME] or "?"


def _size(model: ModelFile) -> str:
    return shown_bytes(model.size_bytes)


def _place(model: ModelFile) -> str:
    return sanitize_line(model.place)


def _quantization(model: ModelFile) -> str:
    if model.header is None or not model.header.quantization:
        return _NOT_KNOWN
    return sanitize_line(model.header.quantization)


def _context(model: ModelFile) -> str:
    """Return the context in short form: `8k`, `128k`."""
    n_ctx = 0 if model.header is None else model.header.n_ctx_train or 0
    if n_ctx <= 0:
        return _NOT_KNOWN
    if n_ctx < 1024:
        return f"{n_ctx}"
    if n_ctx < 1 << 20:
        return f"{n_ctx // 1024}k"
    return f"{min(n_ctx >> 20, 9999)}M"


def _template(model: ModelFile) -> str:
    if model.header is None:
        return _NOT_KNOWN
    return "yes" if model.header.has_chat_template else "no"


def _short_path(path: Path) -> str:
    """Return the path with `~` for the home folder."""
    try:
        return shown_path(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return shown_path(path)
