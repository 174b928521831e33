"""What stands for the objects of a pickle of torch.save: inert records, no real class.

The classes and functions that it may name are those that PyTorch's own unpickler of weights
allows, and plain data that training scripts save beside them: numpy's scalars and arrays, paths,
argparse's options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NORMAL = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool", "ComplexDouble": "complex128", "ComplexFloat": "complex64",
}  # fmt: skip
QUANTIZED = {
    "QInt8": "qint8", "QUInt8": "quint8", "QInt32": "qint32",
    "QUInt4x2": "quint4x2", "QUInt2x4": "quint2x4",
}  # fmt: skip
STORAGES = {f"{word}Storage": dtype for word, dtype in {**NORMAL, **QUANTIZED}.items()}
"""The class of a storage -> the dtype of its numbers."""

ITEMSIZE = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "complex128": 16, "complex64": 8, "complex32": 4,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2,
    "uint8": 1, "bool": 1,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1, "float4_e2m1fn_x2": 1,
    "qint8": 1, "quint8": 1, "qint32": 4, "quint4x2": 1, "quint2x4": 1,
    **{f"{sign}int{bits}": 1 for sign in ("", "u") for bits in range(1, 8)},
    "bits8": 1, "bits16": 2, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1,
}  # fmt: skip
"""Bytes of one number of every dtype of torch."""
ALIASES = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32",
    "short": "int16", "cfloat": "complex64", "cdouble": "complex128", "chalf": "complex32",
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Inert:
    """An object that only was there: nothing of it is kept."""

    words: str
    """What it is, "numpy.dtype"."""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, eq=False, slots=True)
class SavedStorage:
    """A run of numbers in the archive, which tensors are views of."""

    key: str
    """The name of its member, behind ``data/``."""
    dtype: str | None
    """The dtype of its numbers, None where only the tensors say it."""
    nbytes: int


@dataclass(frozen=True, eq=False, slots=True)
class SavedTensor:
    """A view of a storage, or a tensor of another kind."""

    dtype: str
    shape: tuple[int, ...]
    kind: str | None = None
    """"sparse", "quantized", "nested", "meta", "negated"; None for plain numbers."""
    storage: SavedStorage | None = None
    """Where its numbers lie, None for other kinds."""
    offset: int = 0
    """The first number's place in the storage, in numbers."""
    strides: tuple[int, ...] = ()
    """Numbers from one index to the next, for each dimension."""


INSTEAD = "save only the state dict: torch.save(model.state_dict(), 'weights.pt')"
"""What to do about a file that holds more, or something else."""
MOST_IN_KEY = 16
"""Items of a tuple that is a key."""
LONGEST_TEXT = 1 << 20
"""Bytes of one text; a longer one is no name of a tensor, and is not kept."""
LONG = Inert("a long text")
"""What stands for it."""
Maker = Callable[[tuple[Any, ...]], object]
"""The arguments that a pickle gives to a class or function -> what stands for the result."""


@dataclass(frozen=True, eq=False, slots=True)
class NamedGlobal:
    """A class or function that a pickle names, by its full name, and what a call of it becomes."""

    words: str
    make: Maker
    dtype: str | None = None
    """For a dtype or a class of storages, the dtype in torch's words."""

    def __str__(self) -> str:
        return self.words


class Unsound(Exception):
    """A pickle that torch.save does not write; the message says where."""


def require_key(key: object) -> None:
    """Refuse keys whose hash or text is a long work: those of nested tuples double at a level."""
    is_short = isinstance(key, tuple) and len(key) <= MOST_IN_KEY
    for part in key if isinstance(key, tuple) and is_short else (key,):
        if part is LONG:
            raise Unsound(f"a key of its dicts has more than {LONGEST_TEXT} bytes")
        if type(part) is int and part.bit_length() > 64:
            raise Unsound("a key is an integer of more than 64 bits")
        if not isinstance(part, str | bytes | int | float | Inert | NamedGlobal | type(None)):
            raise Unsound("a key of its dicts is neither a name nor a number")


def named(module: str, name: str) -> NamedGlobal | None:
    """Return what stands for a class or function, None for one that is not allowed."""
    module = {"__builtin__": "builtins", "torch.cuda": "torch"}.get(module, module)
    words = f"{module}.{name}"
    if words in MAKERS:
        return NamedGlobal(words, MAKERS[words])
    if module == "torch":
        dtype = ALIASES.get(name, name)
        held = dtype if dtype in ITEMSIZE else STORAGES.get(name)
        if held is not None:
            return NamedGlobal(words, _uncallable(words), held)
    if words in PLAIN or (module == "numpy.dtypes" and name.endswith("DType")):
        return NamedGlobal(words, lambda arguments: Inert(words))
    return None


def _uncallable(words: str) -> Maker:
    def make(arguments: tuple[Any, ...]) -> object:
        raise Unsound(f"it calls {words}")

    return make


def _whole_numbers(value: object, what: str) -> tuple[int, ...]:
    if isinstance(value, tuple | list) and all(type(v) is int and 0 <= v < 2**63 for v in value):
        return tuple(value)
    raise Unsound(f"invalid {what} of a tensor: expected integers >= 0")


def _view(arguments: tuple[Any, ...], dtype: str | None = None) -> SavedTensor:
    """Return _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)."""
    storage, offset, size, stride = arguments[:4]
    metadata = arguments[6] if len(arguments) > 6 else None
    if not isinstance(storage, SavedStorage):
        raise Unsound("a tensor has no storage")
    dtype = dtype or storage.dtype
    if dtype is None:
        raise Unsound("a tensor has no dtype")
    (start,) = _whole_numbers((offset,), "offset")
    shape, strides = _whole_numbers(size, "sizes"), _whole_numbers(stride, "strides")
    if len(shape) != len(strides) or len(shape) > 64:
        raise Unsound(f"a tensor has {len(shape)} sizes and {len(strides)} strides")
    kind = "negated" if isinstance(metadata, dict) and metadata.get("neg") else None
    return SavedTensor(dtype, shape, kind, storage, start, strides)


def _dtype(value: object) -> str:
    if not isinstance(value, NamedGlobal) or value.dtype is None:
        raise Unsound("a tensor has no dtype")
    return value.dtype


def _wrapped(arguments: tuple[Any, ...]) -> SavedTensor:
    if not isinstance(arguments[0], SavedTensor):
        raise Unsound("a parameter is not a tensor")
    return arguments[0]


def _subclassed(arguments: tuple[Any, ...]) -> object:
    """Return _rebuild_from_type_v2(function, type, arguments, state)."""
    function, kind, inner = arguments[:3]
    classes = ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")
    if not isinstance(function, NamedGlobal) or not isinstance(inner, tuple):
        raise Unsound("a tensor is not built by a function")
    is_tensor = isinstance(kind, NamedGlobal) and kind.words in classes
    if function.words not in REBUILT or not is_tensor:
        raise Unsound(f"a tensor is built by {function.words} as {kind}")
    return function.make(inner)


def _sparse(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_sparse_tensor(layout, (…, values, size, is_coalesced))."""
    parts = arguments[1]
    if not isinstance(parts, tuple):
        raise Unsound("a sparse tensor has no parts")
    inner = [part for part in parts if isinstance(part, SavedTensor)]
    sizes = [part for part in parts if isinstance(part, tuple)]
    if not inner or not sizes:
        raise Unsound("a sparse tensor has no values or no sizes")
    return SavedTensor(inner[-1].dtype, _whole_numbers(sizes[-1], "sizes"), "sparse")


def _quantized(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_qtensor(storage, offset, size, stride, …)."""
    storage = arguments[0]
    dtype = storage.dtype if isinstance(storage, SavedStorage) else None
    return SavedTensor(dtype or "quantized", _whole_numbers(arguments[2], "sizes"), "quantized")


def _numberless(kind: str, dtype: int, sizes: int | None = None) -> Maker:
    """Return what makes a tensor without numbers of its dtype and sizes, arguments so numbered."""

    def make(arguments: tuple[Any, ...]) -> SavedTensor:
        held = _dtype(arguments[dtype])
        shape = () if sizes is None else _whole_numbers(arguments[sizes], "sizes")
        return SavedTensor(held, shape, kind)

    return make


def _mapping(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Return a dict; its items follow, a Counter's are there. Python 2 gave them as pairs."""
    given = arguments[0] if arguments else None
    if isinstance(given, dict):
        return given
    found = {}
    for key, value in given if isinstance(given, list | tuple) else ():
        require_key(key)
        found[key] = value
    return found


def _moved(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_device_tensor_from_cpu_tensor(tensor, dtype, …): the tensor on a device."""
    tensor, dtype = _wrapped(arguments), _dtype(arguments[1])
    return tensor if tensor.dtype == dtype else SavedTensor(dtype, tensor.shape, "converted")


REBUILT: dict[str, Maker] = {
    "torch._utils._rebuild_tensor": _view,
    "torch._utils._rebuild_tensor_v2": _view,
    # the storage is untyped, the seventh argument is the dtype
    "torch._utils._rebuild_tensor_v3": lambda a: _view((*a[:6], *a[7:8]), _dtype(a[6])),
    "torch._utils._rebuild_parameter": _wrapped,
    "torch._utils._rebuild_parameter_with_state": _wrapped,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._utils._rebuild_sparse_csr_tensor": _sparse,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_meta_tensor_no_storage": _numberless("meta", 0, 1),
    # (buffer, sizes, strides, offsets), the rows ragged
    "torch._utils._rebuild_nested_tensor": lambda a: SavedTensor(_wrapped(a).dtype, (), "nested"),
    "torch._utils._rebuild_wrapper_subclass": _numberless("wrapped", 1, 2),
    "torch._utils._rebuild_device_tensor_from_numpy": _numberless("device", 1),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _moved,
}

MAKERS: dict[str, Maker] = {
    **REBUILT,
    "torch._tensor._rebuild_from_type_v2": _subclassed,
    "torch.Size": lambda a: _whole_numbers(a[0], "sizes") if a else (),
    "torch.nn.parameter.Parameter": _wrapped,
    "torch.nn.parameter.Buffer": _wrapped,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "collections.Counter": _mapping,
    "builtins.dict": _mapping,
}
"""Calls of which something is kept."""

PATHS = "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"
ARRAYS = "multiarray.scalar multiarray._reconstruct numeric._frombuffer"
INERT = {
    "builtins": "set frozenset bytearray bytes complex slice range int float str bool list tuple"
    " object",
    "torch": "device Tensor Generator per_tensor_affine per_channel_affine per_tensor_symmetric"
    " per_channel_symmetric per_channel_affine_float_qparams strided sparse_coo contiguous_format"
    " channels_last channels_last_3d preserve_format serialization._get_layout"
    " storage.UntypedStorage storage.TypedStorage",
    "_codecs": "encode", "argparse": "Namespace", "types": "SimpleNamespace",
    "datetime": "datetime date time timedelta timezone",
    "pathlib": PATHS, "pathlib._local": PATHS,
    "numpy": "dtype ndarray bool_ bool str_ bytes_ float64 float32 float16 int64 int32 int16 int8"
    " uint64 uint32 uint16 uint8 complex64 complex128 datetime64 timedelta64",
    "numpy.core": ARRAYS, "numpy._core": ARRAYS,
}  # fmt: skip
"""Module -> calls of it that become an Inert record."""
PLAIN = {f"{module}.{name}" for module, names in INERT.items() for name in names.split()}
