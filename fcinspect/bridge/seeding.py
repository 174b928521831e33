"""Seeds torch's generators."""

from __future__ import annotations

from functools import cache

import torch


def seed_generators(seed: int) -> None:
    """Do as torch.manual_seed does, without what that notes for devices that are not there.

    For each kind of device not in use yet it formats the whole stack, and keeps it until the
    process ends: that is slow where it is called often.
    """
    if _has_accelerator():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@cache
def _has_accelerator() -> bool:
    """Whether there is a device beside the CPU, or torch is too old to say."""
    accelerator = getattr(torch, "accelerator", None)
    return accelerator is None or bool(accelerator.is_available())
