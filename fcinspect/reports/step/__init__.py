"""The report of `step`."""
