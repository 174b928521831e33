"""The report of `scan`."""
