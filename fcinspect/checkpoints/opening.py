"""From the name of a checkpoint to its linear layers, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fcinspect.checkpoints.access.handles import look_ahead, one_look, read_whole
from fcinspect.checkpoints.access.storage import FolderGiven
from fcinspect.checkpoints.access.streams import standard_input
from fcinspect.checkpoints.access.uris import beside, inside, last_part, local_path
from fcinspect.checkpoints.files import check_readable, kind_of, tensors_of
from fcinspect.checkpoints.pairing.naming import spelled_out
from fcinspect.checkpoints.records import (
    Checkpoint,
    LayoutChoice,
    SkippedTensor,
    StoredTensor,
    unreadable,
)
from fcinspect.checkpoints.shards import (
    Collected,
    family,
    from_files,
    from_index,
    index_of,
    is_index,
    require_few_entries,
)
from fcinspect.errors import InputError
from fcinspect.masking import is_uri, masked_name, without_secrets

STDIN = "standard input"


def open_checkpoint(
    name: str,
    layout: LayoutChoice = "auto",
    plain_dtype: str = "float32",
    *,
    tolerant: bool = False,
) -> Checkpoint:
    """Return the layers of a checkpoint of any kind, or of the JSON on standard input for "-".

    `name` is the path or URI of a file, of the index of a sharded checkpoint, or of a folder.
    `plain_dtype` is the dtype of JSON numbers for which the file names none. Raises InputError for
    what is unreadable or unsound; what only does not fit stands in `Checkpoint.problems`. With
    `tolerant`, a damaged file among several stands in `Checkpoint.failed`.
    """
    if name == "-":
        return _layers(_parsed(standard_input(), STDIN), STDIN, layout, plain_dtype)
    opener = _Opener(layout, plain_dtype, tolerant)
    try:
        with one_look():
            return opener.opened(local_path(name))
    except InputError as error:
        if not is_uri(name):
            raise
        hint = error.hint and without_secrets(error.hint, name)
        raise InputError(without_secrets(error.message, name), hint) from None


@dataclass(frozen=True)
class _Opener:
    """How checkpoints are opened."""

    layout: LayoutChoice
    plain_dtype: str
    tolerant: bool

    def opened(self, name: str) -> Checkpoint:
        """Open a file, an index or a folder."""
        try:
            check_readable(name)
        except FolderGiven:
            return self._folder(name)
        if kind_of(name) == "json":
            return self._json(name)
        found = self._paired(self._tensors(name), name)
        notes = _lone_shard(name)
        layers = [
            layer if layer.bias is not None else replace(layer, warnings=(*layer.warnings, *notes))
            for layer in found.layers
        ]
        return replace(found, layers=tuple(layers), files=(name,), notes=notes)

    def _folder(self, folder: str) -> Checkpoint:
        from fcinspect.checkpoints.folders import besides, choose

        choice = choose(folder)
        paths = [inside(folder, name) for name in choice.names]
        if choice.is_index or (len(paths) == 1 and family(choice.names[0]) is None):
            found = self.opened(paths[0])
        else:
            look_ahead(paths)
            shards = list(zip(choice.names, paths, strict=True))
            found = self._assembled(
                from_files(shards, self._tensors, tolerant=self.tolerant), folder
            )
        read = {last_part(file) for file in found.files}
        left = besides([name for name in choice.same if name not in read])
        return replace(found, notes=(*left, *choice.notes, *found.notes))

    def _json(self, name: str) -> Checkpoint:
        source = repr(masked_name(name))
        text = read_whole(name)
        require_few_entries(text, name)
        document = _parsed(text, source)
        if is_index(document, last_part(name)):
            return self._index(document, name)
        found = _layers(document, source, self.layout, self.plain_dtype)
        return replace(found, files=(name,))

    def _index(self, document: object, name: str) -> Checkpoint:
        index = index_of(document, name)
        look_ahead([beside(name, shard) for shard in index.shards])
        if any(not shard.endswith(".safetensors") for shard in index.shards):
            found = from_index(index, self._tensors, None, tolerant=self.tolerant)
            return self._assembled(found, name)

        from fcinspect.checkpoints.formats.safetensors import data_size, natural_key

        found = from_index(index, self._tensors, data_size, tolerant=self.tolerant)
        # a safetensors file keeps no order of its own
        found.tensors = {key: found.tensors[key] for key in sorted(found.tensors, key=natural_key)}
        return self._assembled(found, name)

    def _assembled(self, found: Collected, name: str) -> Checkpoint:
        """Pair the tensors of several files; what is nowhere is skipped for that reason."""
        lacking = [unreadable(key, "unknown", (), why) for key, why in found.lacking.items()]
        paired = self._paired([*found.tensors.values(), *lacking], name)
        skipped = [
            skip
            if skip.name not in found.lacking
            else SkippedTensor(skip.name, f"it {found.lacking[skip.name]}", missing=True)
            for skip in paired.skipped
        ]
        layers = []
        for layer in paired.layers:
            names = [tensor.name for tensor in (layer.weight, layer.bias) if tensor is not None]
            told = [problem for name in names for problem in found.told_of.get(name, ())]
            layers.append(replace(layer, warnings=(*layer.warnings, *told)) if told else layer)
        return replace(
            paired,
            layers=tuple(layers),
            skipped=tuple(skipped),
            problems=tuple(found.problems),
            notes=tuple(found.notes),
            files=tuple(found.files),
            failed=tuple(found.failed),
        )

    def _paired(self, tensors: Sequence[StoredTensor], name: str) -> Checkpoint:
        from fcinspect.checkpoints.pairing.pair import pair

        return pair(tensors, repr(masked_name(name)), self.layout)

    def _tensors(self, name: str) -> Sequence[StoredTensor]:
        """Return the tensors of one file that is no JSON."""
        check_readable(name)
        kind = kind_of(name)
        tensors = tensors_of(name, kind)
        if kind != "npz":
            return tensors
        long = spelled_out([tensor.name for tensor in tensors])
        return [replace(t, name=long.get(t.name, t.name)) for t in tensors]


def _lone_shard(name: str) -> tuple[str, ...]:
    """Return what is said of one shard that is given without the others."""
    shard = family(last_part(name))
    if shard is None or shard[1] < 2:
        return ()
    return (
        f"{last_part(name)!r} is one of {shard[1]} files of a checkpoint, and is read on its own:"
        " give their folder or index to read them as one",
    )


def _parsed(text: bytes | bytearray, source: str) -> Any:
    from fcinspect.checkpoints.formats.json_array import parse, refusals_name

    with refusals_name(source):
        return parse(text, source, "a layer")


def _layers(document: Any, source: str, layout: LayoutChoice, plain_dtype: str) -> Checkpoint:
    from fcinspect.checkpoints.formats.json_array import refusals_name
    from fcinspect.checkpoints.formats.json_file import checkpoint_of

    with refusals_name(source):
        return checkpoint_of(document, source, layout, plain_dtype)
