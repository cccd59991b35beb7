"""Finds the user's folders on this system, and the data that ships with modechat.

A user may have no home folder (in a container, in a service), or environment variables that name no
folder. A HOME or XDG variable that is not an absolute path counts as not set. Without a home folder
the folders are below `NOWHERE`: nothing is found there, and nothing can be written.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

_APP = "modechat"
_BELOW_HOME = {
    "config": ".config",
    "data": ".local/share",
    "cache": ".cache",
    "state": ".local/state",
}

NOWHERE = Path(os.devnull) / "no home folder"


def home_folder() -> Path:
    """Return the user's home folder, or `NOWHERE`."""
    if sys.platform != "win32" and not _names_a_folder("HOME"):
        return _home_of_account()
    try:
        return Path.home()
    except RuntimeError:
        return NOWHERE


def _home_of_account() -> Path:
    import pwd

    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a uid that the system does not know
        return NOWHERE
    if not home.is_absolute():
        return NOWHERE
    return home


def user_folder(kind: str, app: str = _APP) -> Path:
    """Return the folder of a program for one kind of files: config, data, cache or state."""
    variable = f"XDG_{kind.upper()}_HOME"
    is_usual = _names_a_folder(variable) or (
        not os.environ.get(variable) and _names_a_folder("HOME")
    )
    if sys.platform == "win32" or is_usual:
        folder: Path = getattr(platformdirs, f"user_{kind}_path")(app, appauthor=False)
        return folder
    return home_folder() / _BELOW_HOME[kind] / app


def _names_a_folder(variable: str) -> bool:
    return Path(os.environ.get(variable, "")).is_absolute()


def is_there(path: Path) -> bool:
    """Return True if something is at `path`, and False if a folder above it cannot be read."""
    try:
        return path.exists()
    except OSError:
        return False


def config_file() -> Path:
    """Return the user's config file, which need not exist."""
    return user_folder("config") / "config.toml"


def user_prompts_folder() -> Path:
    """Return the folder of the user's own `formats` and `tasks`, which need not exist."""
    return config_file().parent


def data_folder() -> Path:
    """Return the folder of the conversations."""
    return user_folder("data")


def states_folder() -> Path:
    """Return the folder of the evaluated chats."""
    return user_folder("cache") / "states"


def engine_log_file() -> Path:
    """Return the path of the engine's log."""
    return user_folder("state") / "engine.log"


def cpu_extras_file() -> Path:
    """Return the file that records crashes of llama.cpp with the CPU's extra buffers."""
    return user_folder("state") / "cpu-extras.json"


def theme_file() -> Path:
    """Return the file that holds the theme chosen last."""
    return user_folder("state") / "theme.json"


def editing_folder() -> Path:
    """Return the folder of messages that an editor has open."""
    return user_folder("state") / "editing"


def prompts_folder() -> Path:
    """Return the folder `prompts` that ships with modechat.

    It is inside the installed package, or at the top of a checkout.
    """
    package = Path(__file__).parent
    installed = package / "prompts"
    if installed.is_dir():
        return installed
    return package.parent / "prompts"
