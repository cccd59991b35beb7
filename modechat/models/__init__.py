"""Model files: finding them, reading their headers, judging whether they can chat."""
