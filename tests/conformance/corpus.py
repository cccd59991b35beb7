"""Where the conformance corpus is. It is no part of the project: the data keep the licences of their sources."""

from __future__ import annotations

import os
from pathlib import Path

CORPUS = Path(os.environ.get("MODECHAT_CONFORMANCE") or Path(__file__).parents[2].parent / "shared" / "conformance")
