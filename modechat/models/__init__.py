"""Finds model files, reads their headers and judges whether they can chat."""
