"""The choice of a model on this machine, which is not loaded yet."""

from __future__ import annotations

from typing import ClassVar

from modechat.models.catalog import ModelFile
from modechat.tui.screens.model_list import ModelList


class ModelChoiceScreen(ModelList):
    """Returns the path of the chosen model, or None."""

    HEADING = "Which model"
    HINTS = ("Enter chooses",)
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (*ModelList.KEYS, ("Enter", "Choose it"))

    def use(self, model: ModelFile) -> None:
        self.dismiss(model.path)
