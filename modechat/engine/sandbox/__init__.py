"""The template sandbox: a process with limits that renders strangers' chat templates."""
