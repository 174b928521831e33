"""Whether an amount of memory is free, asked before anything is allocated."""

from __future__ import annotations

from fcinspect.errors import FcinspectError, UsageError


def require_free(needed: int, what: str, *, refusal: type[FcinspectError] = UsageError) -> None:
    """Raise `refusal` when `needed` bytes are more than this machine has free."""
    import psutil

    free = psutil.virtual_memory().available
    if needed > free:
        raise refusal(f"{what} would take {_gib(needed)} of memory: {_gib(free)} is free here")


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
