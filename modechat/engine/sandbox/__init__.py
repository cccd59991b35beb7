"""The template sandbox: a process in which strangers' chat templates render, with limits of time, memory and output."""
