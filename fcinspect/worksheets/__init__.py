"""Worksheets: a small network with whole numbers, its blanks, and the key to them."""
