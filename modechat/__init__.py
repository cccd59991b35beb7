"""modechat: chat with a local GGUF model in the terminal, and give it single-shot tasks."""

__version__ = "0.1.0"
