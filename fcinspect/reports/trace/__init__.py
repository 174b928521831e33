"""The report of `trace`."""
