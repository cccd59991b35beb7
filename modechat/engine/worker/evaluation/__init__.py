"""Evaluating text: the KV cache and its lanes, threads and adapters."""
