"""What was evaluated of which text, and how the rest is: the KV cache, its lanes, threads and adapters."""
