"""The command line: one module per command. Heavy imports happen inside the commands."""

WITH_ENGINE = ("run", "prompt", "bench")
"""The commands for which a worker is spawned before anything else; the chat spawns its own."""
