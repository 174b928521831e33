"""Pickles that lie, that are damaged or would become large, in the zip file of torch.save."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from tests.checkpoints.formats.hostile.cases import (
    WEIGHT,
    G,
    Hostile,
    Pid,
    R,
    archive,
    code,
    one_file,
    pickled,
    storage,
    tensor,
    torch_file,
)

TENSORS: dict[str, object] = {
    "of stride 0": tensor(storage("0", 1), 0, (10**6, 10**6), (0, 0)),
    "of stride 0 in one dimension": tensor(None, 0, (10**12, 6), (0, 1)),
    "of 10^18 numbers": tensor(None, 0, (10**9, 10**9), (10**9, 1)),
    "of 2^62 rows": tensor(None, 0, (2**62, 2), (2, 1)),
    "of 60 dimensions of 2^62": tensor(None, 0, (2**62,) * 60, (0,) * 60),
    "of 1000 dimensions": tensor(None, 0, (1,) * 1000, (1,) * 1000),
    "whose size wraps to 0": tensor(None, 0, (2**32, 2**32), (1, 1)),
    "of 2^63 columns": tensor(None, 0, (0, 2**63), (1, 1)),
    "of 2^62 rows of nothing": tensor(None, 0, (2**62, 0), (1, 1)),
    "of 2^62 columns of nothing": tensor(None, 0, (0, 2**62), (1, 1)),
    "of 64 dimensions of nothing": tensor(None, 0, (0, *[2**62] * 63), (1,) * 64),
    "of negative sizes": tensor(None, 0, (-2, -3), (3, 1)),
    "of negative strides": tensor(None, 5, (2, 3), (-3, -1)),
    "of a negative offset": tensor(None, -1),
    "of an offset behind its storage": tensor(None, 6),
    "of an offset of 2^62": tensor(None, 2**62),
    "of an offset of 2^80": tensor(None, 2**80),
    "of strides beyond its storage": tensor(None, 0, (2, 3), (10**15, 1)),
    "of strides of 2^70": tensor(None, 0, (2, 3), (2**70, 1)),
    "one number too long": tensor(None, 1),
    "of more sizes than strides": tensor(None, 0, (2, 3), (1,)),
    "of fractional sizes": tensor(None, 0, (2.0, 3.0), (3, 1)),
    "of true as a size": tensor(None, 0, (True, 3), (3, 1)),
    "of text as a size": tensor(None, 0, ("2", 3), (3, 1)),
    "of a number as its sizes": tensor(None, 0, 6, 1),
    "of a dict as its sizes": tensor(None, 0, {2: 3}, (3, 1)),
    "of sizes in sizes": tensor(None, 0, ((2,), 3), (3, 1)),
    "of text as an offset": tensor(None, "0"),
    "without a storage": tensor(1),
    "of a tensor as its storage": tensor(tensor()),
    "of a function as its storage": tensor(G("torch", "FloatStorage")),
    "of few arguments": R(G("torch._utils", "_rebuild_tensor_v2"), (storage(),)),
    "of no arguments": R(G("torch._utils", "_rebuild_tensor_v2"), ()),
    "of an untyped storage without a dtype": tensor(
        storage("0", 24, G("torch.storage", "UntypedStorage"))),
    "of a dtype that is text": R(G("torch._utils", "_rebuild_tensor_v3"),
                                 (storage(), 0, (2, 3), (3, 1), False, None, "float32")),
    "of a parameter of nothing": R(G("torch._utils", "_rebuild_parameter"), (1, True, None)),
    "of a parameter without arguments": R(G("torch._utils", "_rebuild_parameter"), ()),
    "sparse without parts": R(G("torch._utils", "_rebuild_sparse_tensor"), (None, None)),
    "sparse of 2^80": R(G("torch._utils", "_rebuild_sparse_tensor"),
                        (None, (tensor(), tensor(), (2**80, 1)))),
    "quantized without arguments": R(G("torch._utils", "_rebuild_qtensor"), ()),
    "of meta of text": R(G("torch._utils", "_rebuild_meta_tensor_no_storage"), ("x", (2,))),
    "of torch.Size of text": tensor(None, 0, R(G("torch", "Size"), ("ab",)), (3, 1)),
    "of a storage that is missing": tensor(storage("1")),
    "of a storage named ..": tensor(storage("..")),
    "of a storage named ../data.pkl": tensor(storage("../data.pkl")),
    "of a storage named /etc/passwd": tensor(storage("/etc/passwd")),
    "of a storage named ../../../../etc/passwd": tensor(storage("../../../../etc/passwd")),
    "of a storage without a name": tensor(storage("")),
    "of a storage named 0/../0": tensor(storage("0/../0")),
    "of a storage named with a NUL": tensor(storage("0\0")),
    "of a storage named with escape codes": tensor(storage("\x1b[2J")),
    "of a storage with a line break": tensor(storage("0\n")),
    "of a storage named by a number": tensor(storage(0)),
    "of a storage named by a list": tensor(storage(["0"])),
    "of a storage of a megabyte of a name": tensor(storage("0" * 10**6)),
    "of a storage of one number more": tensor(storage("0", 7)),
    "of a storage of 10^18 numbers": tensor(storage("0", 10**18)),
    "of a storage of 2^4000 numbers": tensor(storage("0", 2**4000)),
    "of a storage of negative size": tensor(storage("0", -6)),
    "of a storage of true numbers": tensor(storage("0", True)),
    "of a storage of text": tensor(storage("0", "6")),
    "of a storage of an unknown class": tensor(storage("0", 6, G("collections", "OrderedDict"))),
    "of a storage of a dtype": tensor(storage("0", 6, G("torch", "float32"))),
    "of a storage without a class": tensor(storage("0", 6, None)),
    "of a storage in two ways": [tensor(), tensor(storage("0", 3))],
    "of a storage of two dtypes": [
        tensor(), tensor(storage("0", 12, G("torch", "HalfStorage")))],
    "of a reference of three": tensor(Pid(("storage", G("torch", "FloatStorage"), "0"))),
    "of a reference to a list": tensor(Pid([])),
    "of two that have one name": {"a": {"b": tensor()}, "a.b": tensor()},
    "of a name that is a number and text": {1: tensor(), "1": tensor()},
}  # fmt: skip


def tensors() -> Iterator[Hostile]:
    """Yield tensors that are not where they say, or larger."""
    for name, value in TENSORS.items():
        content = value if isinstance(value, dict) else {"fc.weight": value}
        yield torch_file(f"tensor {name}", content)


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "without an end": b"\x80\x02}",
    "that ends with nothing": b"\x80\x02.",
    "of protocol 200": b"\x80\xc8N.",
    "of an unknown instruction": b"\x80\x02\xff.",
    "of marks": b"\x80\x02" + b"(" * 100_000 + b".",
    "that pops too much": b"\x80\x020000.",
    "of a mark that is not there": b"\x80\x02t.",
    "that remembers what was not there": b"\x80\x02h\x07.",
    "that remembers a negative place": b"\x80\x00N" + b"p-1\n.",
    "that puts from an empty stack": b"\x80\x02q\x00.",
    "that appends to a dict": b"\x80\x02}Na.",
    "that appends to a tuple": b"\x80\x02)Na.",
    "that extends a text": b"\x80\x02" + code("x") + b"(NNe.",
    "that sets an item of a list": b"\x80\x02]K\x00Ns.",
    "that sets an item of a tensor": b"\x80\x02" + code(tensor()) + b"K\x00Ns.",
    "of a key without a value": b"\x80\x02}(K\x00u.",
    "of a dict without a value": b"\x80\x02(K\x00d.",
    "that adds to a list": b"\x80\x04](N\x90.",
    "of a list as a key": b"\x80\x02}]Ns.",
    "of a dict as a key": b"\x80\x02}}Ns.",
    "of a buffer elsewhere": b"\x80\x05\x97.",
    "of a buffer of none": b"\x80\x05N\x98.",
    "of a text of 4 GiB": b"\x80\x02X\xff\xff\xff\xffabc.",
    "of a text of 2^63 bytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fabc.",
    "of a text of 2^64 bytes": b"\x80\x04\x8d" + b"\xff" * 8 + b"abc.",
    "of bytes of 4 GiB": b"\x80\x03B\xff\xff\xff\xffabc.",
    "of bytes of 2^63": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fabc.",
    "of a bytearray of 1 TiB": b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b"abc.",
    "of a frame of 2^63 bytes": b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f}.",
    "of a negative whole number's length": b"\x80\x02\x8b\xff\xff\xff\xffN.",
    "of a whole number of a megabyte": b"\x80\x02\x8b" + (10**6).to_bytes(4, "little")
    + b"\7" * 10**6 + b".",
    "of a million digits": b"\x80\x00I" + b"9" * 10**6 + b"\n.",
    "of a million hexadecimal digits": b"\x80\x00}I0x" + b"f" * 10**6 + b"\nNs.",
    "of a fraction of text": b"\x80\x00Fabc\n.",
    "of a text that is not closed": b"\x80\x00S'abc\n.",
    "of an old text of a negative length": b"\x80\x02T\xff\xff\xff\xffabc.",
    "of a line of two megabytes": b"\x80\x00V" + b"a" * (2 << 20) + b"\n.",
    "of an old text of two megabytes": b"\x80\x00T" + (2 << 20).to_bytes(4, "little")
    + b"a" * (2 << 20) + b".",
    "of a text that is no UTF-8": b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
    "of a name that is no UTF-8": b"\x80\x02c\xff\n\xfe\n.",
    "of a name without an end": b"\x80\x02ccollections",
    "of zeros": b"\0" * 100,
    "of text": b"hello world",
}  # fmt: skip


def damaged_pickles() -> Iterator[Hostile]:
    """Yield pickles that are none, and a sound one cut everywhere."""
    for name, data in DAMAGED.items():
        yield torch_file(f"pickle {name}", data)
    sound = pickled(WEIGHT)
    for cut in range(5, len(sound), 17):
        yield torch_file(f"pickle cut at byte {cut}", sound[:cut])


def _doubled(first: bytes, join: bytes, levels: int) -> bytes:
    """Return a container of twice the one before, so many times."""
    steps = [first + b"q\x00"]
    for level in range(levels):
        old = bytes([level])
        steps.append(b"0" + join.replace(b"h", b"h" + old) + b"q" + bytes([level + 1]))
    return b"".join(steps)


LAUGHS = _doubled(code([tensor()]), b"](hhe", 60)
TUPLES = _doubled(b")", b"hh\x86", 60)
WEB = b"".join(b"}q" + bytes([n]) for n in range(20)) + b"".join(
    b"h" + bytes([n]) + b"(" + b"".join(b"K" + bytes([m, 104, m]) for m in range(20))
    + (code("t") + code(tensor()) if n == 19 else b"") + b"u" for n in range(20)
)  # fmt: skip

BOMBS: dict[str, bytes] = {
    "a memo of 2^32 places": b"\x80\x02}r\xff\xff\xff\xff.",
    "a memo of 10^15 places": b"\x80\x00}p1000000000000000\n.",
    "a billion laughs": b"\x80\x02" + LAUGHS + b".",
    "a billion laughs of nothing": b"\x80\x02" + _doubled(b"]", b"](hhe", 60) + b".",
    "a billion laughs of tuples": b"\x80\x02" + TUPLES + b".",
    "a billion laughs as a key": b"\x80\x02}" + TUPLES + b"Ns.",
    "a billion laughs in a set": b"\x80\x04\x8f(" + TUPLES + b"\x90.",
    "a billion laughs in a frozenset": b"\x80\x04(" + TUPLES + b"\x91.",
    "a billion laughs in a call": b"\x80\x02" + code(G("collections", "OrderedDict")) + TUPLES
    + b"R.",
    "a list in itself": b"\x80\x02]q\x00h\x00a.",
    "a dict in itself": b"\x80\x02}q\x00" + code("x") + b"h\x00s.",
    "dicts that hold each other": b"\x80\x02" + WEB + b"h\x00.",
    "a thousand levels": b"\x80\x02" + b"]" * 1000 + code(tensor()) + b"a" * 1000 + b".",
    "a hundred thousand levels": b"\x80\x02" + b"]" * 100_000 + code(tensor()) + b"a" * 100_000
    + b".",
    "a hundred thousand levels of tuples": b"\x80\x02N" + b"\x85" * 100_000 + b".",
    "three million dicts": b"\x80\x02(" + b"}" * 3_000_000 + b"t.",
    "a tensor of a hundred thousand names": b"\x80\x02" + code(tensor()) + b"q\x00(" + b"h\x00"
    * 100_000 + b"lq\x01(" + b"h\x01" * 100 + b"l.",
    "a long list copied again and again": b"\x80\x02(" + b"N" * 100_000 + b"tq\x00("
    + (code(G("collections", "OrderedDict")) + b"q\x01")
    + b"h\x01h\x00\x85R" * 100_000 + b"t.",
    "pairs given again and again": b"\x80\x02(" + b"K\x01N\x86" * 10_000
    + b"tq\x00("
    + code(G("collections", "OrderedDict")) + b"q\x01" + b"h\x01h\x00\x85R" * 100_000 + b"t.",
    "a million lists remembered": b"\x80\x02(" + b"]\x94" * 740_000 + b"t.",
    "a million dicts remembered": b"\x80\x02(" + b"}K\x01Ns\x94" * 200_000 + b"t.",
    "a million tuples": b"\x80\x02(" + b"NNN\x87" * 370_000 + b"t.",
    "a name of sixty megabytes": b"\x80\x02}" + code("k" * 60_000_000) + code(tensor()) + b"s.",
}  # fmt: skip


def bombs() -> Iterator[Hostile]:
    """Yield small files that would become large, or never end."""
    yield one_file("bomb, lists on account of empty storages", _lists, "pt")
    yield one_file("bomb, a text that is packed well", _text, "pt")
    for name, data in BOMBS.items():
        yield one_file(f"bomb, {name}", partial(archive, data, packed=len(data) > 10**6), "pt")


def _lists() -> bytes:
    """Every storage allows more work: ten thousand empty ones for lists that have none of them."""
    empty = {f"data/{n}": b"" for n in range(10_000)}
    named = b"".join(code(storage(str(n), 0)) + b"0" for n in range(10_000))
    return archive(b"\x80\x02" + named + b"(" + b"]\x94" * 3_000_000 + b"t.", empty)


def _text() -> bytes:
    """Packed only as much as a sound pickle may be."""
    text = random.Random(0).randbytes(350_000).hex().encode() + b"a" * 40_000_000
    long = b"\x80\x02}X" + len(text).to_bytes(4, "little") + text + code(tensor()) + b"s."
    return archive(long, packed=True)
