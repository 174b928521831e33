"""The files of --save: checked before any work, written whole, and named on stderr."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcinspect.cli.streams import say
from fcinspect.errors import OutputError, UsageError
from fcinspect.page.text import byte_count


@dataclass(frozen=True)
class Target:
    """A file that --save names."""

    name: str

    @property
    def path(self) -> Path:
        """Where it stands."""
        return Path(self.name)

    @property
    def ending(self) -> str:
        """Its ending, by which it is written; a device such as /dev/stdout takes JSON."""
        return ".json" if self.path.is_char_device() else self.path.suffix.lower()


def targets_of(names: Sequence[str] | None) -> tuple[Target, ...]:
    """Return the files of --save; raises UsageError where one is named twice."""
    seen: dict[str, str] = {}
    for name in names or ():
        place = os.path.realpath(name) if "\0" not in name else name
        if place in seen:
            raise UsageError(f"--save names one file twice: {seen[place]!r} and {name!r}")
        seen[place] = name
    return tuple(map(Target, names or ()))


def check_targets(targets: Sequence[Target], *, force: bool) -> None:
    """Raise OutputError when one of the files could not be written."""
    if not targets:
        return
    from fcinspect.checkpoints.saving import check_target

    for target in targets:
        check_target(target.path, force=force)


def write_targets(
    contents: Sequence[tuple[Target, Callable[[], bytes]]],
    *,
    force: bool,
    silent: bool,
    holds: str = "",
) -> None:
    """Write each file, and say so on stderr unless `silent`, with what it `holds`.

    Nothing is written before all contents are made; where a disk fills up after the first file,
    the refusal names those that were written.
    """
    from fcinspect.checkpoints.saving import check_target, write_beside

    made = []
    for target, content in contents:
        check_target(target.path, force=force)
        made.append((target, content()))
    written: list[str] = []
    for target, data in made:
        try:
            write_beside(target.path, lambda data=data: data, force=force)  # type: ignore[misc]  # bound now
        except OutputError as error:
            before = f"written before: {', '.join(map(repr, written))}" if written else error.hint
            raise OutputError(error.message, before) from error
        written.append(target.name)
        if not silent and target.path.is_file():
            say(f"wrote {target.name} ({byte_count(len(data))}){holds and f': {holds}'}")
