"""Hostile files that are no plain zip files of torch.save: older, deflated and big-endian ones."""

from __future__ import annotations

from collections.abc import Iterator

from tests.checkpoints.formats.hostile.calls import LEGACY
from tests.checkpoints.formats.hostile.cases import (
    WEIGHT,
    G,
    Hostile,
    Pid,
    R,
    archive,
    one_file,
    pickled,
    storage,
    tensor,
)

SYSTEM = pickled(1001) + pickled({"little_endian": True})
NUMBERS = (6).to_bytes(8, "little") + b"\0" * 24


def older(content: object, keys: object = ("0",), numbers: bytes = NUMBERS) -> bytes:
    """Return a file as torch.save wrote it before 1.6."""
    listed = pickled(list(keys) if isinstance(keys, tuple) else keys)
    return LEGACY + SYSTEM + pickled(content) + listed + numbers


def _encoded(levels: int) -> object:
    """Return calls of punycode, each of which encodes what the one before made."""
    value: object = "\u00fc" * 20
    for _ in range(levels):
        value = R(G("_codecs", "encode"), (value, "punycode"))
    return value


ALLOCATING: dict[str, object] = {
    "a bytearray of 8 GB": {"x": R(G("builtins", "bytearray"), (8 * 10**9,))},
    "punycode of punycode": {"x": _encoded(30)},
    "a tensor of 900 million numbers": {
        "fc.weight": R(G("torch", "FloatTensor"), (30_000, 30_000))},
    "a storage of 900 million numbers": {
        "fc.weight": tensor(R(G("torch", "FloatStorage"), (9 * 10**8,)), 0, (30_000, 30_000),
                            (30_000, 1))},
    "an untyped storage of 8 GB": {
        "fc.weight": R(G("torch.storage", "UntypedStorage"), (8 * 10**9,))},
    "a tensor of another's numbers": {"fc.weight": R(G("torch", "Tensor"), ((30_000, 30_000),))},
    "a range of 10^15": {"x": R(G("builtins", "set"), (R(G("builtins", "range"), (10**15,)),))},
    "numpy's array of 10^12": {
        "x": R(G("numpy.core.multiarray", "_reconstruct"),
               (G("numpy", "ndarray"), (10**12,), "b"))},
}  # fmt: skip
"""What torch itself would make, of a few hundred bytes."""

OLDER: dict[str, bytes] = {
    "without numbers": older(WEIGHT, numbers=b""),
    "of half its numbers": older(WEIGHT, numbers=NUMBERS[:20]),
    "of a count alone": older(WEIGHT, numbers=NUMBERS[:8]),
    "of another count": older(WEIGHT, numbers=b"\5" + NUMBERS[1:]),
    "of a negative count": older(WEIGHT, numbers=b"\xff" * 8 + NUMBERS[8:]),
    "of a storage that is not listed": older(WEIGHT, (), b""),
    "of a storage that no tensor has": older(WEIGHT, ("0", "1"), NUMBERS * 2),
    "of a storage listed twice": older(WEIGHT, ("0", "0"), NUMBERS * 2),
    "of keys that are numbers": older(WEIGHT, (0,)),
    "of keys that are text": older(WEIGHT, "0"),
    "of keys that are a dict": older(WEIGHT, {"0": 1}),
    "of keys that call": older(WEIGHT, R(G("os", "system"), ("touch hostile_canary",))),
    "of an unknown version": LEGACY + pickled(1002) + pickled({}) + pickled(WEIGHT),
    "of a version that is true": LEGACY + pickled(True) + pickled({}) + pickled(WEIGHT),
    "of a machine that calls": LEGACY + pickled(1001)
    + pickled(R(G("os", "system"), ("touch hostile_canary",))),
    "of more than the file": older({"weight": tensor(storage("0", 10**12))}),
    "of a storage that is part of another": older({"weight": tensor(
        Pid(("storage", G("torch", "FloatStorage"), "0", "cpu", 6, ("1", 0, 6))))}),
    "of storages that are more than the file together": older(
        {f"{n}.weight": tensor(storage(str(n), 100)) for n in range(100)},
        tuple(map(str, range(100))), NUMBERS),
    "of four megabytes of pickle": LEGACY + SYSTEM + b"\x80\x02" + b"N0" * (2 << 20) + b"N.",
}  # fmt: skip


def older_files() -> Iterator[Hostile]:
    """Yield what torch would allocate or make up, in every kind of file that it reads."""
    for name, content in ALLOCATING.items():
        data = pickled(content)
        yield one_file(f"older, {name}", older(content, (), b""), "pt")
        yield one_file(f"plain, {name}", archive(data), "pt")
        yield one_file(f"packed, {name}", archive(data, packed=True), "pt")
        yield one_file(f"big-endian, {name}", big_endian(data), "pt")
    for name, data in OLDER.items():
        yield one_file(f"older, {name}", data, "pt")
    for name, function in (("os.system", G("os", "system")), ("eval", G("builtins", "eval"))):
        call = pickled({**WEIGHT, "x": R(function, ("touch hostile_canary",))})
        yield one_file(f"packed, calls {name}", archive(call, packed=True), "pt")
        yield one_file(f"big-endian, calls {name}", big_endian(call), "pt")


def big_endian(content: bytes) -> bytes:
    """Return the zip file of a machine whose numbers begin with their high byte."""
    return archive(content, {"data/0": b"\0" * 24, "byteorder": b"big"})
