"""The session: the state machine between a front end, the engine and the store."""
