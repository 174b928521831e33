"""Figures as files, by matplotlib: the only place that imports it."""
