"""Verdicts: computed numbers held against independent ones and derived bounds."""
