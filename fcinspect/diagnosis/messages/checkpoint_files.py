"""Messages of torch.load about the file itself."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

STARTS = {
    "<": ("download-page", "A web page (an error or a login) was saved in place of the file", "<"),
    "v": (
        "git-lfs-pointer",
        'The file is a pointer of Git LFS (it begins with "version https://git-lfs…"), and the '
        "weights were never downloaded",
        "v",
    ),
}
OPERANDS = {"60": "<", "118": "v"}
"""The same first bytes as the unpickler for weights_only names them: by their number."""
PICKLED = Cause(
    "objects-in-checkpoint",
    "The file holds more than tensors: a whole model saved with torch.save(model), or objects of "
    "other libraries; since torch 2.6 torch.load takes tensors and plain containers only",
    "the unpickler met {what}",
    "Where you trust the source, load it all once, and save the state dict",
    'model = torch.load("model.pt", weights_only=False)\n'
    'torch.save(model.state_dict(), "weights.pt")',
)
DAMAGED = Cause(
    "file-damaged",
    "The file is cut short or damaged: an interrupted download, a full disk, a copy in text mode",
    "A checkpoint is a zip archive, and its end is missing or unreadable",
    "Compare size and checksum with the source, and fetch the file again",
    'import os\nprint(os.path.getsize("model.pt"))',
)


def _start(key: str, message: str, words: str) -> Diagnosis:
    """Return what the first byte of a file that is no checkpoint tells."""
    if key in STARTS:
        name, why, first = STARTS[key]
        fix = "Download the file itself" if first == "<" else "Fetch it with git lfs pull"
        likely = Cause(
            name,
            why,
            f"the first byte of the file is {first!r}",
            f"{fix}, and look at how it begins",
            'print(open("model.pt", "rb").read(60))',
        )
    else:
        likely = Cause(
            "not-a-torch-file",
            "The file is of another format: safetensors, Keras, NumPy or ONNX, or it is damaged",
            "its first bytes are not those of torch.save",
            "Look at how the file begins, and load it with the library that wrote it",
            'state = safetensors.torch.load_file("model.safetensors")',
        )
    return Diagnosis("state-dict", message, words, (likely,))


def _load_key(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `invalid load key, '<'.`"""
    words = f"The file does not begin like one of torch.save: its first byte is {match['key']!r}."
    return _start(match["key"], one_line(match.group()), words)


def _weights_only(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Weights only load failed`, by what the unpickler met."""
    message = one_line(match.group())
    text = reported.text
    operand = re.search(r"Unsupported operand (\d+)", text)
    if operand is not None:
        words = "The file could not be read as tensors: it does not look like one of torch.save."
        return _start(OPERANDS.get(operand[1], ""), message, words)
    met = re.search(
        r"Unsupported (?:global: GLOBAL|class) ([\w.]+\w)|GLOBAL ([\w.]+\w) was not an allowed",
        text,
    )
    what = next((name for name in met.groups() if name), "") if met else ""
    words = "The file holds objects other than tensors and plain containers"
    words += f", among them {what}." if what else "."
    likely = [
        Cause(
            PICKLED.name,
            PICKLED.cause,
            f"the unpickler met {what}" if what else "the message says that weights_only failed",
            PICKLED.fix,
            PICKLED.code,
        )
    ]
    if what:
        allowed = Cause(
            "global-not-allowed",
            f"{what} is something you know and trust, and it only has to be allowed",
            f"the unpickler stopped at {what}",
            "Only where you trust the file: allow it by name and keep weights_only=True; the "
            "unpickler may then stop at further names, which must be allowed in the same list",
            f'torch.serialization.add_safe_globals([{what}])\nstate = torch.load("model.pt")',
        )
        likely.insert(0 if what.startswith(("numpy.", "_codecs.", "argparse.")) else 1, allowed)
    return Diagnosis("state-dict", message, words, tuple(likely))


PATTERNS: tuple[Pattern, ...] = (
    Pattern("Weights only load failed", r"Weights only load failed[^\n]*", _weights_only),
    known(
        "state-dict",
        "TorchScript archive",
        r"Cannot use `*weights_only=True`* with TorchScript archives",
        "The file is a TorchScript archive (torch.jit.save), not a checkpoint of torch.save.",
        Cause(
            "torchscript-file",
            "The file holds a compiled model, which has a loader of its own",
            "the message names a TorchScript archive",
            "Load it with torch.jit.load",
            'model = torch.jit.load("model.pt")',
        ),
    ),
    known(
        "state-dict",
        "PytorchStreamReader failed",
        r"PytorchStreamReader failed locating file (?P<what>\S+): file not found",
        "The archive has no {what}, which the loader looks for.",
        Cause(
            "other-kind-of-archive",
            "The file was written by torch.save and read by torch.jit.load, or the other way round",
            "{what} is missing in the archive",
            "Read a file of torch.save with torch.load",
            'state = torch.load("model.pt")',
        ),
        DAMAGED,
    ),
    known(
        "state-dict",
        "PytorchStreamReader failed",
        r"PytorchStreamReader failed (?P<what>[^:\n]*)",
        "The checkpoint, a zip archive, could not be read: {what} failed.",
        DAMAGED,
    ),
    known(
        "state-dict",
        "inline_container",
        r"enforce fail at inline_container\S*\W+\s*(?P<what>[^\n]*)",
        "The file is a zip archive, and not one of torch.save: {what}.",
        Cause(
            "not-a-torch-file",
            "The file is another kind of zip archive (e.g. .npz of NumPy), or it is damaged",
            "the loader says: {what}",
            "Load it with the library that wrote it",
            'arrays = numpy.load("model.npz")',
        ),
        DAMAGED,
    ),
    Pattern("invalid load key", r"invalid load key, '(?P<key>[^']*)'", _load_key),
    known(
        "state-dict",
        "Ran out of input",
        r"Ran out of input",
        "The file is empty, or it ends before the pickled data does.",
        Cause(
            "file-empty",
            "The file is empty: saving was interrupted, or it was opened for writing before it was "
            "read",
            "the unpickler found no more bytes",
            "Check the size of the file, and save or fetch it again",
            'import os\nprint(os.path.getsize("model.pt"))',
        ),
    ),
    known(
        "state-dict",
        "Invalid magic number; corrupt file",
        r"Invalid magic number; corrupt file\?",
        "The file is a pickle, and not one of torch.save.",
        Cause(
            "plain-pickle",
            "The file was written with pickle.dump, or it is damaged",
            "the number that torch.save writes first is missing",
            "Load it with pickle where you trust the source",
            'import pickle\nstate = pickle.load(open("model.pkl", "rb"))',
        ),
        DAMAGED,
    ),
    known(
        "state-dict",
        "persistent_load",
        r"persistent id instruction was encountered,\s*but no persistent_load",
        "A file of torch.save was read with pickle.",
        Cause(
            "pickle-for-torch-load",
            "torch.save keeps tensors beside the pickle, where pickle cannot find them",
            "the pickle refers to something outside it",
            "Load it with torch.load",
            'state = torch.load("model.pt")',
        ),
    ),
    known(
        "state-dict",
        "Can't get attribute",
        r"Can't get attribute '(?P<what>\w+)' on <module '(?P<where>[\w.]+)'",
        "The file holds an object of the class {what} of the module {where}, which has no "
        "such class here.",
        Cause(
            "class-not-found",
            "A whole model was saved with torch.save(model), and its class is not where it was",
            "the class {what} is looked for in {where}",
            "Import the class under that name before loading; next time save the state dict",
            'from model import {what}\ntorch.save(model.state_dict(), "weights.pt")',
        ),
    ),
    known(
        "state-dict",
        "No such file or directory",
        r"No such file or directory: '(?P<path>[^'\n]+\.(?:pt|pth|bin|ckpt|pkl|safetensors|tar))'",
        "The file {path} does not exist, seen from where the program runs.",
        Cause(
            "path-wrong",
            "The path is relative to another folder, or the file was not saved or downloaded",
            "{path} was not found",
            "Look at the working folder, or build the path from the folder of the script",
            'path = pathlib.Path(__file__).parent / "model.pt"',
        ),
    ),
)
