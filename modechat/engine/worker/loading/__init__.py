"""How a model is loaded: what fits where, decided before it happens."""
