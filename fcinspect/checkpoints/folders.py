"""Which files of a folder are its checkpoint."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fcinspect.checkpoints.paths import family, inside, last_part
from fcinspect.errors import InputError
from fcinspect.masking import is_uri, masked_name
from fcinspect.names import listed

TORCH = (".bin", ".pt", ".pth", ".ckpt", ".npz")

NO_WEIGHTS = re.compile(
    r"\..*|.*\.partial|(optimizer|scheduler|scaler|rng_state|training_args|random_states|sampler"
    r"|tokenizer|optim|global_step|loss)([-_.].*)?|.*_(optimizer|scheduler|optim_states)\..*"
)
"""Files that training leaves beside the weights."""
MOST_FOLDERS = 200
"""Subfolders that are looked into, local ones only."""
MOST_LISTED = 8


class SeveralCheckpoints(InputError):
    """A folder holds checkpoints that have nothing to do with each other."""

    def __init__(self, message: str, hint: str, files: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.files = tuple(files)
        """Their paths or URIs."""


@dataclass(frozen=True)
class Choice:
    """The files of a folder that are read."""

    names: tuple[str, ...]
    """An index alone, or the files themselves."""
    is_index: bool
    """Whether it is an index."""
    notes: tuple[str, ...] = ()
    """What else could have been read."""
    same: tuple[str, ...] = ()
    """Files of the kind that an index stands for, which it may name or not."""


def choose(folder: str) -> Choice:
    """Return which files of a folder are its checkpoint.

    A safetensors index comes first, then *.safetensors, a torch index, and other files of weights.
    Raises InputError when there is none, or when several have nothing to do with each other.
    """
    names, folders = _listing(folder)
    weights = [name for name in names if not NO_WEIGHTS.fullmatch(name)]
    tiers = (
        [name for name in weights if name.endswith(".safetensors.index.json")],
        [name for name in weights if name.endswith(".safetensors")],
        [name for name in weights if name.endswith(".bin.index.json")],
        [name for name in weights if Path(name).suffix.lower() in TORCH],
    )
    for rank, tier in enumerate(tiers):
        if tier:
            is_index = rank in (0, 2)
            chosen = _only(folder, tier, is_index)
            others = [n for later in tiers[rank + 1 + is_index :] for n in later]
            same = tiers[rank + 1] if is_index else []
            notes = [*besides(others)]
            nested = [] if is_uri(folder) else _nested(folder, folders)
            if nested:
                holds = "subfolder {} also holds" if len(nested) == 1 else "subfolders {} also hold"
                held = holds.format(listed(nested, MOST_LISTED))
                notes.append(f"the {held} weights, which were not read")
            return Choice(tuple(chosen), is_index, tuple(notes), tuple(same))
    raise _nothing(folder, names, folders)


def besides(names: Sequence[str]) -> tuple[str, ...]:
    """Return what is said of files of weights that are not read."""
    return (f"the folder also holds {listed(names, MOST_LISTED)}, not read",) if names else ()


def _only(folder: str, tier: list[str], is_index: bool) -> list[str]:
    """Return the files of the one checkpoint among these; raises InputError for several."""
    if is_index:
        usual = [n for n in tier if n.startswith(("model.", "pytorch_model.", "diffusion_pytorch"))]
        if len(tier) == 1 or len(usual) == 1:
            return usual if len(usual) == 1 else tier
    groups: dict[object, list[str]] = {}
    for name in tier:
        groups.setdefault(name if is_index else family(name) or name, []).append(name)
    if len(groups) == 1:
        return sorted(tier)
    examples = listed([group[0] for group in groups.values()], MOST_LISTED)
    raise SeveralCheckpoints(
        f"the folder {masked_name(folder)!r} holds {len(groups)} checkpoints: {examples}",
        hint=f"pass one of its files, such as {inside(masked_name(folder), tier[0])!r}",
        files=[inside(folder, name) for name in sorted(tier)],
    )


def _listing(folder: str) -> tuple[list[str], list[str]]:
    if is_uri(folder):
        from fcinspect.checkpoints.remote import listing_of

        entries = listing_of(folder)
    else:
        try:
            with os.scandir(folder) as found:
                entries = [(entry.name, entry.is_dir()) for entry in found]
        except OSError as error:
            raise InputError(f"the folder {folder!r} cannot be read: {error.strerror}") from None
    files = sorted(name for name, is_folder in entries if not is_folder)
    return files, sorted(name for name, is_folder in entries if is_folder)


def _nothing(folder: str, names: list[str], folders: list[str]) -> InputError:
    message = (
        f"the folder {masked_name(folder)!r} holds no checkpoint: looked for"
        " *.safetensors.index.json, *.safetensors, *.bin.index.json, *.bin, *.pt, *.pth, *.ckpt,"
        " *.npz"
    )
    left_out = [n for n in names if NO_WEIGHTS.fullmatch(n) and Path(n).suffix.lower() in TORCH]
    if left_out:
        verb = "is" if len(left_out) == 1 else "are"
        message += f"; {listed(left_out, MOST_LISTED)} {verb} not weights"
    nested = _nested(folder, folders)
    if not nested:
        return InputError(message)
    first = inside(masked_name(folder), nested[0])
    hold = f"its subfolders {listed(nested, MOST_LISTED)} hold some"
    if len(nested) == 1:
        hold = f"its subfolder {nested[0]!r} holds one"
    return InputError(message, f"{hold}: pass {first!r}")


def _nested(folder: str, folders: list[str]) -> list[str]:
    """Return the subfolders, or theirs, that hold checkpoints."""
    found: list[str] = []
    queue = [(name, 1) for name in folders if not name.startswith(".")]
    for looked, (name, depth) in enumerate(queue):
        if looked == (8 if is_uri(folder) else MOST_FOLDERS):
            break
        try:
            names, inner = _listing(inside(folder, name))
        except InputError:
            continue
        endings = (".safetensors", ".index.json", *TORCH)
        weights = [each for each in names if not NO_WEIGHTS.fullmatch(last_part(each))]
        if any(each.lower().endswith(endings) for each in weights):
            found.append(name)
        elif depth < 3 and not is_uri(folder):
            queue += [(f"{name}/{each}", depth + 1) for each in inner if not each.startswith(".")]
    return found
