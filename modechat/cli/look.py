"""Reads the look and the keys from the config: at once for the first frame, and checked later.

For the first frame the file is read without pydantic, and wrong options count as not set. A theme
that the user chose on the screen stays until the config names a different theme than at the time of
the choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from modechat.paths import config_file, theme_file
from modechat.tui.look import Look, has_palette, usual_theme

if TYPE_CHECKING:
    from modechat.config import Config


def first_look(env: Mapping[str, str]) -> Look:
    config = _config_as_it_is()
    interface = _interface_of(config)
    configured = interface.get("theme")
    theme = _remembered_theme(configured) or configured
    look = Look(
        theme=usual_theme(env),
        follows_background=not env.get("NO_COLOR"),
        has_palette=has_palette(env),
        is_compact=interface.get("spacing") == "compact",
        has_motion=interface.get("reduced_motion") is not True,
    )
    if theme is not None or "keys" in config:
        from dataclasses import replace

        from modechat.commands.keymap import read_keymap
        from modechat.tui.themes import THEME_NAMES

        keymap, _ = read_keymap(config.get("keys", {}))
        look = replace(look, keymap=keymap)
        if theme in THEME_NAMES:
            look = replace(look, theme=theme, follows_background=False)
    return look


def remember_theme(name: str) -> None:
    """Store the theme that the user has chosen.

    If that fails, the theme lasts until the program ends.
    """
    import json

    from modechat.private_files import private_folder, write_private

    configured = _interface_of(_config_as_it_is()).get("theme")
    path = theme_file()
    with suppress(OSError):
        private_folder(path.parent)
        write_private(path, json.dumps({"theme": name, "instead_of": configured}))


def check_look(config: Config) -> None:
    """Raise ConfigError if the theme or the user's keys are wrong."""
    _check_theme(config)
    _check_keys(config)


def _config_as_it_is() -> dict[str, object]:
    try:
        text = config_file().read_text(encoding="utf-8-sig")
        import tomllib

        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}


def _interface_of(config: dict[str, object]) -> dict[str, object]:
    interface = config.get("interface")
    return interface if isinstance(interface, dict) else {}


def _remembered_theme(configured: object) -> str | None:
    """Return the theme chosen on the screen, unless the config's theme changed since then."""
    try:
        text = theme_file().read_text(encoding="utf-8")
        import json

        kept = json.loads(text)
        theme, instead_of = kept["theme"], kept["instead_of"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    if instead_of != configured or not isinstance(theme, str):
        return None
    return theme


def _check_theme(config: Config) -> None:
    from modechat.tui.themes import THEME_NAMES

    theme = config.interface.theme
    if theme is not None and theme not in THEME_NAMES:
        raise _wrong(
            f"there is no theme “{theme}”",
            f"There are: {', '.join(THEME_NAMES)}.",
            "interface",
            "theme",
        )


def _check_keys(config: Config) -> None:
    from modechat.commands.keymap import read_keymap

    _, problems = read_keymap(config.keys)
    if problems:
        first, *others = problems
        hint = first.hint
        if others:
            hint += f" ({len(others)} more after this one.)"
        raise _wrong(first.problem, hint, "keys", first.action_id)


def _wrong(problem: str, hint: str, *location: str) -> Exception:
    from modechat.config import line_of_option
    from modechat.domain.text import sanitize_line
    from modechat.errors import ConfigError

    place = f"{config_file()}, line {line_of_option(config_file(), *location)}"
    return ConfigError(
        f"{place}: {sanitize_line('.'.join(location))}: {sanitize_line(problem)}", hint
    )
