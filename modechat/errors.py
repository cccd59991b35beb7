"""The tree of errors that users see.

ModechatError                exit 1   an error that a user can cause or mend
├── UsageError               exit 2   the command line asks for something impossible
├── ConfigError              exit 3   the config file is wrong
├── ModelError               exit 4   no model, or one that cannot be used
│   └── AdapterError         exit 4   a LoRA adapter cannot be used
├── EngineError              exit 5   the engine failed or died
├── ContextError             exit 6   the prompt does not fit into the context
└── StoreError               exit 7   conversations cannot be read or written

Every error has a title (what happened, one sentence) and a hint (what to do). They are raised where
a dependency's error arrives, and shown by the front ends; a user never sees a traceback for them.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it: 128 + SIGINT."""

EXIT_INCOMPLETE = 8
"""Exit code of `modechat run` if a reply with a schema or a grammar was cut before its end."""


class ModechatError(Exception):
    """An error that a user can understand and act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.title
        return f"{self.title}\n{self.hint}"


def cannot_write(error: OSError) -> ModechatError:
    """Return the error for output that the disk behind it refuses."""
    return ModechatError(f"The reply cannot be written: {error.strerror}", "Is the disk full?")


class UsageError(ModechatError):
    """The command line asks for something impossible."""

    exit_code = 2


class ConfigError(ModechatError):
    """The config file is wrong; the title names file, line and key."""

    exit_code = 3


class ModelError(ModechatError):
    """There is no model, or the file cannot be used."""

    exit_code = 4


class AdapterError(ModelError):
    """The file of a LoRA adapter cannot be used."""


class EngineError(ModechatError):
    """The engine failed or its process died."""

    exit_code = 5


class ContextError(ModechatError):
    """The prompt is longer than the model's context."""

    exit_code = 6


class StoreError(ModechatError):
    """Conversations cannot be read or written."""

    exit_code = 7
