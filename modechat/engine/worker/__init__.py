"""The engine worker: `python -m modechat.engine.worker` runs a model behind JSON Lines.

They go through its standard streams. Nothing outside this package imports `llama_cpp`.
"""
