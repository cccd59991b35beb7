"""Model files: reading their headers, judging whether they can chat, finding the starter model."""
