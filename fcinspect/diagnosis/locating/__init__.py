"""From the place that a traceback names to the line of source that makes the failed layer."""
