"""Whether an amount of memory is free, asked before anything is allocated."""

from __future__ import annotations

from fcinspect.errors import FcinspectError, UsageError

ALWAYS_FREE = 2**26
"""So many bytes are not asked about."""


def require_free(needed: int, what: str, *, refusal: type[FcinspectError] = UsageError) -> None:
    """Raise `refusal` when `needed` bytes are more than this machine has free."""
    if not is_free(needed):
        here = words_of(free())
        raise refusal(f"{what} would take {words_of(needed)} of memory: only {here} is free")


def is_free(needed: int) -> bool:
    """Whether this machine has so many bytes free."""
    return needed < ALWAYS_FREE or needed <= free()


def free() -> int:
    """Return how many bytes this machine has free."""
    import psutil

    return int(psutil.virtual_memory().available)


def words_of(size: int) -> str:
    """Return "1.5 GiB"."""
    size //= 2**20
    return f"{size / 1024:,.1f} GiB" if size < 10**12 else f"{float(size) / 1024:.3g} GiB"


def require_free_for_rows(rows: int, in_features: int, out_features: int) -> None:
    """Raise UsageError when a batch, its output and the check of it would not fit."""
    require_free(
        rows * (3 * in_features + 16 * out_features) * 8,
        f"{rows} rows of {in_features} features with their outputs and the check",
    )
