"""Where things are: the user's folders on this system, and the data that ships with modechat."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_APP = "modechat"


def config_file() -> Path:
    """The user's config file; it need not exist."""
    return platformdirs.user_config_path(_APP, appauthor=False) / "config.toml"


def user_prompts_folder() -> Path:
    """The user's own prompt formats and tasks, in the folders `formats` and `tasks`; they need not exist."""
    return config_file().parent


def data_folder() -> Path:
    """Where conversations are kept."""
    return platformdirs.user_data_path(_APP, appauthor=False)


def states_folder() -> Path:
    """Where evaluated chats are kept."""
    return platformdirs.user_cache_path(_APP, appauthor=False) / "states"


def engine_log_file() -> Path:
    """The log of the engine."""
    return platformdirs.user_state_path(_APP, appauthor=False) / "engine.log"


def theme_file() -> Path:
    """The theme that was chosen last."""
    return platformdirs.user_state_path(_APP, appauthor=False) / "theme.json"


def editing_folder() -> Path:
    """Where messages are while an editor has them."""
    return platformdirs.user_state_path(_APP, appauthor=False) / "editing"


def prompts_folder() -> Path:
    """The folder `prompts` that ships with modechat: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).parent
    installed = package / "prompts"
    return installed if installed.is_dir() else package.parent / "prompts"
