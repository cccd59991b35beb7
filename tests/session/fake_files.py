"""The user's files for tests: only the methods that a test gives do something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from modechat.models.check import check_model_file
from modechat.session.settings import NoFiles, SessionSettings


class FakeFiles(NoFiles):
    def __init__(self, **methods: Callable[..., Any]) -> None:
        for name in methods:
            assert hasattr(NoFiles, name), name
        self.methods = methods
        vars(self).update(methods)


def with_files(settings: SessionSettings, **methods: Callable[..., Any]) -> SessionSettings:
    """`settings` whose files have these methods, besides those that they have already."""
    before = settings.files.methods if isinstance(settings.files, FakeFiles) else {}
    return replace(settings, files=FakeFiles(**before | methods))


def checked(model: Path) -> FakeFiles:
    """The files of a session whose model file is looked at before it is loaded."""
    return FakeFiles(check_model=lambda: check_model_file(model))
