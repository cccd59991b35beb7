"""The widgets.

Data comes down by methods, messages go up; no widget does I/O or reaches into another's children.
"""
