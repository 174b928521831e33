"""The classes and functions that a pickle of torch.save may name, and what their calls become.

They are those that PyTorch's own unpickler of weights allows, and plain data that training scripts
save beside them: numpy's scalars and arrays, paths, argparse's options.
"""

from __future__ import annotations

from typing import Any

from fcinspect.checkpoints.formats.stand_ins import (
    ALIASES,
    ITEMSIZE,
    STORAGES,
    Inert,
    Maker,
    Named,
    SavedStorage,
    SavedTensor,
    Unsound,
    require_key,
)


def named(module: str, name: str) -> Named | None:
    """Return what stands for a class or function, None for one that is not allowed."""
    module = {"__builtin__": "builtins", "torch.cuda": "torch"}.get(module, module)
    words = f"{module}.{name}"
    if words in MAKERS:
        return Named(words, MAKERS[words])
    if module == "torch":
        dtype = ALIASES.get(name, name)
        if dtype in ITEMSIZE:
            return Named(words, _uncallable(words), dtype)
        if name in STORAGES:
            return Named(words, _uncallable(words), STORAGES[name])
    if words in PLAIN or (module == "numpy.dtypes" and name.endswith("DType")):
        return Named(words, lambda arguments: Inert(words))
    return None


def _uncallable(words: str) -> Maker:
    def make(arguments: tuple[Any, ...]) -> object:
        raise Unsound(f"it calls {words}")

    return make


def _whole_numbers(value: object, what: str) -> tuple[int, ...]:
    if isinstance(value, tuple | list) and all(type(v) is int and 0 <= v < 2**63 for v in value):
        return tuple(value)
    raise Unsound(f"the {what} of a tensor: expected whole numbers from 0 on")


def _view(arguments: tuple[Any, ...], dtype: str | None = None) -> SavedTensor:
    """Return _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)."""
    storage, offset, size, stride = arguments[:4]
    metadata = arguments[6] if len(arguments) > 6 else None
    if not isinstance(storage, SavedStorage):
        raise Unsound("a tensor has no storage")
    dtype = dtype or storage.dtype
    if dtype is None:
        raise Unsound("a tensor has no dtype")
    (start,) = _whole_numbers((offset,), "place")
    shape, strides = _whole_numbers(size, "sizes"), _whole_numbers(stride, "strides")
    if len(shape) != len(strides) or len(shape) > 64:
        raise Unsound(f"a tensor has {len(shape)} sizes and {len(strides)} strides")
    kind = "negated" if isinstance(metadata, dict) and metadata.get("neg") else None
    return SavedTensor(dtype, shape, kind, storage, start, strides)


def _view_of_dtype(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_tensor_v3: the storage is untyped, the seventh argument is the dtype."""
    return _view((*arguments[:6], *arguments[7:8]), _dtype(arguments[6]))


def _dtype(value: object) -> str:
    if not isinstance(value, Named) or value.dtype is None:
        raise Unsound("a tensor has no dtype")
    return value.dtype


def _wrapped(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return the tensor that a parameter is made of."""
    if not isinstance(arguments[0], SavedTensor):
        raise Unsound("a parameter is no tensor")
    return arguments[0]


def _subclassed(arguments: tuple[Any, ...]) -> object:
    """Return _rebuild_from_type_v2(function, type, arguments, state)."""
    function, kind, inner = arguments[:3]
    classes = ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")
    if not isinstance(function, Named) or not isinstance(inner, tuple):
        raise Unsound("a tensor is not made by a function")
    if function.words not in REBUILT or not isinstance(kind, Named) or kind.words not in classes:
        raise Unsound(f"a tensor is made by {function.words} as {kind}")
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


def _meta(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)."""
    return SavedTensor(_dtype(arguments[0]), _whole_numbers(arguments[1], "sizes"), "meta")


def _nested(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_nested_tensor(buffer, sizes, strides, offsets), whose rows are ragged."""
    return SavedTensor(_wrapped(arguments).dtype, (), "nested")


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


def _size(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    return _whole_numbers(arguments[0], "sizes") if arguments else ()


def _of_subclass(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_wrapper_subclass(class, dtype, size, …), which has no numbers of its own."""
    return SavedTensor(_dtype(arguments[1]), _whole_numbers(arguments[2], "sizes"), "wrapped")


def _of_device(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_device_tensor_from_numpy(array, dtype, …), whose array is not kept."""
    return SavedTensor(_dtype(arguments[1]), (), "device")


def _moved(arguments: tuple[Any, ...]) -> SavedTensor:
    """Return _rebuild_device_tensor_from_cpu_tensor(tensor, dtype, …): the tensor on a device."""
    tensor, dtype = _wrapped(arguments), _dtype(arguments[1])
    return tensor if tensor.dtype == dtype else SavedTensor(dtype, tensor.shape, "converted")


REBUILT: dict[str, Maker] = {
    "torch._utils._rebuild_tensor": _view,
    "torch._utils._rebuild_tensor_v2": _view,
    "torch._utils._rebuild_tensor_v3": _view_of_dtype,
    "torch._utils._rebuild_parameter": _wrapped,
    "torch._utils._rebuild_parameter_with_state": _wrapped,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._utils._rebuild_sparse_csr_tensor": _sparse,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_meta_tensor_no_storage": _meta,
    "torch._utils._rebuild_nested_tensor": _nested,
    "torch._utils._rebuild_wrapper_subclass": _of_subclass,
    "torch._utils._rebuild_device_tensor_from_numpy": _of_device,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _moved,
}

MAKERS: dict[str, Maker] = {
    **REBUILT,
    "torch._tensor._rebuild_from_type_v2": _subclassed,
    "torch.Size": _size,
    "torch.nn.parameter.Parameter": _wrapped,
    "torch.nn.parameter.Buffer": _wrapped,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "collections.Counter": _mapping,
    "builtins.dict": _mapping,
}
"""Calls of which something is kept."""

PLAIN = frozenset(
    [f"builtins.{name}" for name in ("set", "frozenset", "bytearray", "bytes", "complex", "slice",
                                     "range", "int", "float", "str", "bool", "list", "tuple",
                                     "object")]
    + [f"torch.{name}" for name in ("device", "Tensor", "Generator", "per_tensor_affine",
                                    "per_channel_affine", "per_tensor_symmetric",
                                    "per_channel_symmetric", "per_channel_affine_float_qparams",
                                    "strided", "sparse_coo", "contiguous_format",
                                    "channels_last", "channels_last_3d", "preserve_format")]
    + ["torch.serialization._get_layout", "torch.storage.UntypedStorage",
       "torch.storage.TypedStorage", "_codecs.encode", "argparse.Namespace",
       "types.SimpleNamespace"]
    + [f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta", "timezone")]
    + [f"{module}.{name}" for module in ("pathlib", "pathlib._local")
       for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath",
                    "PureWindowsPath")]
    + [f"numpy.{name}" for name in ("dtype", "ndarray", "bool_", "bool", "str_", "bytes_",
                                    "float64", "float32", "float16", "int64", "int32", "int16",
                                    "int8", "uint64", "uint32", "uint16", "uint8", "complex64",
                                    "complex128", "datetime64", "timedelta64")]
    + [f"numpy.{core}.{name}" for core in ("core", "_core")
       for name in ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")]
)  # fmt: skip
"""Calls that become an Inert record."""
