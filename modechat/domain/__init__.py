"""The rules and values of conversations. Pure: no input, no output, no clock of its own."""
