"""The rules and values of conversations. They are pure: no input, no output, no clock."""
