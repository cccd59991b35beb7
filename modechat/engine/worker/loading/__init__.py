"""Loading a model: planned first, then done."""
