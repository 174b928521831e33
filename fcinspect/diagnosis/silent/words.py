"""How the names of many parameters are written."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMES = 6


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
