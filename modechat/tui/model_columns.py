"""How models are shown in a list: the columns, and the lines about one of them. Their texts are strangers'."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.content import Content

from modechat.domain.text import sanitize_line
from modechat.models.catalog import ModelFile
from modechat.models.failures import human_size, shown_path
from modechat.models.fit import Fit, fit
from modechat.tui.widgets.row_list import Column

_FIT_COLOURS = {Fit.FITS: "$text-success", Fit.TIGHT: "$text-warning", Fit.TOO_LARGE: "$text-error"}
_NOT_KNOWN = "–"
_LONGEST_NAME = 200


def model_columns(
    is_current: Callable[[ModelFile], bool], free_bytes: int
) -> tuple[Column[ModelFile], ...]:
    """The less important ones go first where the list is narrow."""

    def mark(model: ModelFile) -> Content:
        return Content.styled("●" if is_current(model) else " ", "$text-success")

    def name(model: ModelFile) -> Content:
        return Content.styled(shown_model(model), "" if model.header is not None else "dim")

    def fits(model: ModelFile) -> Content:
        if model.header is None:
            return Content.styled("unusable", "$text-error")
        found = fit(model.needed_bytes, free_bytes)
        return Content.styled(str(found), _FIT_COLOURS[found])

    return (
        Column("", mark, width=1),
        Column("Name", name),
        Column(
            "Size",
            lambda model: Content(human_size(model.size_bytes)),
            width=8,
            at_right=True,
            needs=44,
        ),
        Column("Quant", lambda model: Content(_quantization(model)), width=7, needs=56),
        Column("Context", lambda model: Content(_context(model)), width=7, at_right=True, needs=64),
        Column("Chat", lambda model: Content(_template(model)), width=4, needs=64),
        Column("Memory", fits, width=9),
        Column("Found in", lambda model: Content(sanitize_line(model.place)), width=16, needs=92),
    )


def about_model(model: ModelFile, free_bytes: int) -> Content:
    """What the columns say, and what there was no room for."""
    path = Content.styled(_short_path(model.path), "dim")
    if model.header is None:
        return Content("\n").join(
            [Content.styled(sanitize_line(model.problem), "$text-error"), path]
        )
    header = model.header
    template = "with a chat template" if header.has_chat_template else "without a chat template"
    parts = f"{model.n_parts} files" if model.n_parts > 1 else ""
    needed = f"needs about {human_size(model.needed_bytes)}, {human_size(free_bytes)} are free"
    kind = sanitize_line(header.architecture)[:_LONGEST_NAME]
    facts = (
        kind,
        _quantization(model),
        human_size(model.size_bytes),
        parts,
        f"trained for {_context(model)}",
        template,
        needed,
    )
    shown = " · ".join(fact for fact in facts if fact and not fact.endswith(_NOT_KNOWN))
    return Content("\n").join(
        [Content(shown), Content.assemble(sanitize_line(model.place), " · ", path)]
    )


def shown_model(model: ModelFile) -> str:
    """Its name, safe to show in one line."""
    return (
        sanitize_line(model.name[: 4 * _LONGEST_NAME].encode("utf-8", "replace").decode())[
            :_LONGEST_NAME
        ]
        or "?"
    )


def _quantization(model: ModelFile) -> str:
    return sanitize_line(
        (model.header.quantization if model.header is not None else None) or _NOT_KNOWN
    )


def _context(model: ModelFile) -> str:
    """As people say it: `8k`, `128k`."""
    n_ctx = model.header.n_ctx_train if model.header is not None else None
    if n_ctx is None or n_ctx <= 0:
        return _NOT_KNOWN
    if n_ctx < 1024:
        return f"{n_ctx}"
    return f"{n_ctx // 1024}k" if n_ctx < 1 << 20 else f"{min(n_ctx >> 20, 9999)}M"


def _template(model: ModelFile) -> str:
    if model.header is None:
        return _NOT_KNOWN
    return "yes" if model.header.has_chat_template else "no"


def _short_path(path: Path) -> str:
    """With `~` for the home folder."""
    try:
        return shown_path(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return shown_path(path)
