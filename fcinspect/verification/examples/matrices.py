"""Matrices of intervals, transposed and read otherwise than they are written."""

from __future__ import annotations

from fcinspect.verification.examples.losses import Matrix


def transposed(values: Matrix) -> Matrix:
    """Return the columns as rows."""
    return [list(column) for column in zip(*values, strict=True)]


def reshaped(values: Matrix, width: int) -> Matrix:
    """Return the same numbers, row by row, in rows of that width."""
    flat = [number for row in values for number in row]
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def misread(weight: Matrix) -> Matrix:
    """Return W as it is where its numbers, row by row, are taken for its columns.

    Of a square W that is the transpose.
    """
    return transposed(reshaped(weight, len(weight)))
