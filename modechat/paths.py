"""Where things are: the user's folders on this system, and the data that ships with modechat.

A user may have no home folder (in a container, in a service), or variables of the environment that name none: a HOME
or XDG variable that is no absolute path counts as not set. Where there is no home folder at all, the folders are below
`NOWHERE`: nothing is found there, and nothing can be written.
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
    """The user's home folder, or `NOWHERE`."""
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
    return home if home.is_absolute() else NOWHERE


def user_folder(kind: str, app: str = _APP) -> Path:
    """Where a program keeps what is of this kind: config, data, cache or state."""
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
    """Whether there is something at `path`; not where a folder above it may not be looked into."""
    try:
        return path.exists()
    except OSError:
        return False


def config_file() -> Path:
    """The user's config file; it need not exist."""
    return user_folder("config") / "config.toml"


def user_prompts_folder() -> Path:
    """The user's own prompt formats and tasks, in the folders `formats` and `tasks`; they need not exist."""
    return config_file().parent


def data_folder() -> Path:
    """Where conversations are kept."""
    return user_folder("data")


def states_folder() -> Path:
    """Where evaluated chats are kept."""
    return user_folder("cache") / "states"


def engine_log_file() -> Path:
    """The log of the engine."""
    return user_folder("state") / "engine.log"


def cpu_extras_file() -> Path:
    """Where it is remembered that llama.cpp crashes with the CPU's extra buffers."""
    return user_folder("state") / "cpu-extras.json"


def theme_file() -> Path:
    """The theme that was chosen last."""
    return user_folder("state") / "theme.json"


def editing_folder() -> Path:
    """Where messages are while an editor has them."""
    return user_folder("state") / "editing"


def prompts_folder() -> Path:
    """The folder `prompts` that ships with modechat: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).parent
    installed = package / "prompts"
    return installed if installed.is_dir() else package.parent / "prompts"
