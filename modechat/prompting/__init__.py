"""Formats messages as the text that a model was trained on. Pure: no I/O."""
