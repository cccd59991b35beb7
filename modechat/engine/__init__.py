"""The engine: its protocol, its client, its worker process, and a scripted stand-in."""
