"""The requests that users can make in every front end: actions, typed commands, messages."""
