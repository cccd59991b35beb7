"""A folder for the PYTHONPATH of processes whose workers are to die."""

from __future__ import annotations

from pathlib import Path

FOLDER = str(Path(__file__).parent)
