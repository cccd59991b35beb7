"""The plain front end: append-only lines for screen readers, dumb terminals and pipes."""
