"""The command line, with one module for each command.

The commands import heavy modules themselves.
"""

WITH_ENGINE = ("run", "prompt", "bench")
"""Commands whose worker is spawned before anything else. The chat spawns its own."""
