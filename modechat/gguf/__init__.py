"""The headers of GGUF files: the only reader of them, for the front ends and the worker."""
