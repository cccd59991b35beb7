"""The choice of a model on this machine, which is not loaded yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from modechat.models.catalog import ModelFile
from modechat.tui.screens.model_picker import ModelPicker

if TYPE_CHECKING:
    from modechat.domain.modes import Incomplete
    from modechat.session.chat_session import ChatSession


async def _load_nothing(_path: str) -> Incomplete | None:
    return None


class ModelChoiceScreen(ModelPicker):
    """Returns the path of the chosen model, or None."""

    HEADING = "Which model"
    ENTER = "Enter chooses"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only models with these words in their name, kind or place"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Choose it"),
    )

    def __init__(self, session: ChatSession) -> None:
        super().__init__(session, _load_nothing)

    def usual_hints(self) -> tuple[str, ...]:
        return (self.ENTER,)

    async def action_keep(self) -> None:
        """Do nothing: this choice does not change the model of every start."""

    def chosen(self, row: ModelFile) -> None:
        if row.header is None:
            self.say(row.problem, is_trouble=True)
        else:
            self.dismiss(row.path)
