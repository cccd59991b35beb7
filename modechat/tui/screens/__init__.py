"""The screens. Modal screens return a value."""
