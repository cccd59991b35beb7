"""What the user can ask for in every front end: the table of actions, typed commands, messages."""
