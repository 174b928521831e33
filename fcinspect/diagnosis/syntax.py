"""Somebody's source code as a syntax tree, without a word of Python's compiler about it."""

from __future__ import annotations

import ast
import warnings


def syntax_tree(text: str) -> ast.Module:
    """Return the syntax tree of a text.

    Raises SyntaxError or ValueError for what is not Python, RecursionError or MemoryError for what
    is nested too deeply.
    """
    with warnings.catch_warnings():
        # of an invalid escape, or of `is` with a number
        warnings.simplefilter("ignore")
        return ast.parse(text)


def first_statement(text: str) -> ast.stmt | None:
    """Return the first statement of a text, whose parts can be written again; None of no text.

    Raises what syntax_tree raises.
    """
    body = syntax_tree(text).body
    if not body:
        return None
    ast.unparse(body[0])
    return body[0]
