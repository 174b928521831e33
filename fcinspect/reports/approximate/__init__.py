"""The report of `approximate`."""
