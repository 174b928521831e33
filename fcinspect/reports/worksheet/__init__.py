"""The reports of `worksheet`."""
