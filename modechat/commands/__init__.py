"""What the user can ask for, the same in every front end: the table of actions, and commands typed at the prompt."""
