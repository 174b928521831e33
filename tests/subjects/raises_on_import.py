"""Raises when it is imported."""

raise RuntimeError("planted on import")
