"""Programs that benchmarks start in a pty; each writes what it measured into a file, as JSON."""
