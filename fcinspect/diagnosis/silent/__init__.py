"""Faults that give no message: what was seen of a module that runs, judged."""
