"""Whether B is A transposed, by one of the rules between their formats."""

from __future__ import annotations

from fcinspect.checkpoints.diff import words
from fcinspect.checkpoints.diff.pointwise import go_through
from fcinspect.checkpoints.diff.reading import Grid, Held, Part
from fcinspect.checkpoints.diff.records import Finding, Sameness
from fcinspect.checkpoints.diff.rules import Rules
from fcinspect.checkpoints.diff.words import Rule

CORNER = 32
"""Rows and columns that are looked at before the whole."""


def transposed(a: Grid, b: Grid) -> Finding | None:
    """Return that B is A transposed, by one of the rules between the two formats."""
    if min(a.rows, a.columns) < 1 or a.rows * a.columns < 2:
        return None
    turned = b.turned()
    corner = min(a.rows, CORNER), min(a.columns, CORNER)
    rules = Rules(a.dtype, b.dtype)
    # most matrices show in their corner that they are none's transposed
    beginning = Part(b, *corner[::-1]).read((0, corner[1], 0, corner[0])).T
    go_through(Part(a, *corner), Held(beginning, b.dtype), rules, while_ruled=True)
    if not rules.any_left:
        return None
    rules = Rules(a.dtype, b.dtype)
    found = go_through(a, turned, rules, while_ruled=True)
    rule = words.rule_of(rules, a.dtype, b.dtype) if found.complete else None
    if rule is None:
        return None
    if rule.kind == "equal":
        exactly = "" if found.changed else ", bit for bit"
        rule = Rule("transposed", "transposed", (f"B is A transposed{exactly}",))
    else:
        detail = ("B is A transposed, and then:", *rule.detail)
        rule = Rule(f"transposed and {rule.kind}", f"transposed, then {rule.how}", detail)
    return Finding(rule.kind, rule.how, Sameness.DIFFERENT, rule.detail)
