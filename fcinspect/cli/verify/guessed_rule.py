"""Which rule an optimizer should follow, by the name of its class and of the bases it is given."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from fcinspect.arithmetic.settings import OPTIMIZER_NAMES
from fcinspect.errors import UsageError

OTHERS = re.compile(r"[nr]adam|adamax|sparseadam|adam8|ada(delta|factor|bound|belief)")
"""Names of rules that are not checked here, though they hold the name of one that is."""


def guessed_rule(code: str) -> tuple[str, str]:
    """Return the rule that MODULE:OBJECT is named after, and the name that says so.

    The source is read and not run. Raises UsageError where names say nothing, or several things.
    """
    name = code.rpartition(":")[2]
    found = {
        rule: why
        for why, words in (*_bases(code), (f"the name {name}", name))
        if (rule := rule_in(words)) is not None
    }
    rules = ", ".join(OPTIMIZER_NAMES)
    if not found:
        raise UsageError(f"the name of {code} does not say which rule it follows: --like {rules}")
    if len(found) > 1:
        said = " and ".join(f"{why} says {rule}" for rule, why in found.items())
        raise UsageError(f"the rule of {code} is not clear: {said}; --like {rules}")
    return next(iter(found.items()))


def rule_in(name: str) -> str | None:
    """Return the rule that a name holds, None for none and for rules that are not checked."""
    plain = name.lower().replace("_", "")
    if OTHERS.search(plain):
        return None
    found = {rule for rule in OPTIMIZER_NAMES if rule in plain}
    if "adamw" in found:  # which holds adam, too
        found.remove("adam")
    return found.pop() if len(found) == 1 else None


def _bases(code: str) -> list[tuple[str, str]]:
    """Return the bases of a class as its file names them, each with what it is in words."""
    place, _, name = code.rpartition(":")
    path = Path(place if place.endswith(".py") else place.replace(".", "/") + ".py")
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # what cannot be read is refused when it is loaded
    return [
        (f"its base class {ast.unparse(base)}", ast.unparse(base).rpartition(".")[2])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == name
        for base in node.bases
    ]
