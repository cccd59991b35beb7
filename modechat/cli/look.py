"""What the config says about the look and the keys: at once for the first frame, and checked behind the screen.

For the first frame the file is read as it is, without pydantic; what is wrong in it counts as not set.
A theme that the user chose on the screen stays until the config names another one than then.
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
    interface = config.get("interface")
    interface = interface if isinstance(interface, dict) else {}
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
    """Keep the theme that the user has chosen; where that cannot be written, it lasts until the end."""
    import json

    from modechat.private_files import private_folder, write_private

    interface = _config_as_it_is().get("interface")
    configured = interface.get("theme") if isinstance(interface, dict) else None
    path = theme_file()
    with suppress(OSError):
        private_folder(path.parent)
        write_private(path, json.dumps({"theme": name, "instead_of": configured}))


def check_look(config: Config) -> None:
    """Raises ConfigError for what is wrong with the theme or the user's keys."""
    _check_theme(config)
    _check_keys(config)


def _config_as_it_is() -> dict[str, object]:
    try:
        text = config_file().read_text(encoding="utf-8-sig")
        import tomllib

        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}


def _remembered_theme(configured: object) -> str | None:
    """The theme that was chosen while the config said what it says now."""
    try:
        text = theme_file().read_text(encoding="utf-8")
        import json

        kept = json.loads(text)
        theme = kept["theme"] if kept["instead_of"] == configured else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return theme if isinstance(theme, str) else None


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
        more = f" ({len(others)} more after this one.)" if others else ""
        raise _wrong(first.problem, f"{first.hint}{more}", "keys", first.action_id)


def _wrong(problem: str, hint: str, *location: str) -> Exception:
    from modechat.config import line_of_option
    from modechat.domain.text import sanitize_line
    from modechat.errors import ConfigError

    place = f"{config_file()}, line {line_of_option(config_file(), *location)}"
    return ConfigError(
        f"{place}: {sanitize_line('.'.join(location))}: {sanitize_line(problem)}", hint
    )
