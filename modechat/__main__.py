"""`modechat`, and `python -m modechat`."""

from __future__ import annotations

import sys

from modechat.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
