"""Runs of somebody's module on random numbers, for faults that give no message."""
