"""The screens. Modal ones return a value."""
