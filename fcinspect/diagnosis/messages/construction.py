"""Messages of making layers and models: sizes, arguments, modules, inputs of a wrong kind."""

from __future__ import annotations

from fcinspect.diagnosis.messages import (
    construction_arguments,
    construction_inputs,
    construction_modules,
    construction_options,
    construction_widths,
)
from fcinspect.diagnosis.records import Pattern

PATTERNS: tuple[Pattern, ...] = (
    *construction_widths.PATTERNS,
    *construction_arguments.PATTERNS,
    *construction_modules.PATTERNS,
    *construction_inputs.PATTERNS,
    *construction_options.PATTERNS,
)
