"""Pure values and rules: modes, conversations, sampling, text. No I/O, no user interface, no engine."""
