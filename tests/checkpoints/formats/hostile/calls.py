"""Pickles that would run something, in the zip file of torch.save and bare."""

from __future__ import annotations

from collections.abc import Iterator

from tests.checkpoints.formats.hostile.cases import (
    CANARY,
    WEIGHT,
    G,
    Hostile,
    R,
    Raw,
    code,
    one_file,
    pickled,
    storage,
    tensor,
    torch_file,
)

TOUCH = f"touch {CANARY}"
PYTHON = f"open({CANARY!r}, 'w')"
LEGACY = pickled(Raw(b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"))
"""The number that torch.save's older files begin with."""

FUNCTIONS: dict[str, tuple[object, ...]] = {
    "os.system": (TOUCH,),
    "posix.system": (TOUCH,),
    "nt.system": (TOUCH,),
    "subprocess.Popen": (["touch", CANARY],),
    "subprocess.check_output": (["touch", CANARY],),
    "subprocess.getoutput": (TOUCH,),
    "pty.spawn": (["touch", CANARY],),
    "builtins.eval": (PYTHON,),
    "builtins.exec": (PYTHON,),
    "__builtin__.eval": (PYTHON,),
    "builtins.open": (CANARY, "w"),
    "io.open": (CANARY, "w"),
    "builtins.compile": (PYTHON, "x", "exec"),
    "builtins.getattr": (G("builtins", "dict"), "fromkeys"),
    "builtins.setattr": (G("builtins", "dict"), "x", 1),
    "builtins.__import__": ("antigravity",),
    "importlib.import_module": ("antigravity",),
    "runpy.run_path": ("m.pt",),
    "runpy._run_code": (PYTHON, {}),
    "pickle.loads": ("x",),
    "_pickle.loads": ("x",),
    "marshal.loads": ("x",),
    "shelve.open": (CANARY,),
    "code.InteractiveInterpreter": (),
    "timeit.timeit": (PYTHON,),
    "functools.partial": (G("os", "system"), TOUCH),
    "operator.methodcaller": ("system", TOUCH),
    "operator.attrgetter": ("system",),
    "webbrowser.open": ("https://example.invalid",),
    "socket.create_connection": (("example.invalid", 80),),
    "shutil.rmtree": (".",),
    "os.remove": ("m.pt",),
    "pathlib.Path.touch": (CANARY,),
    "ctypes.CDLL": ("libc.so.6",),
    "numpy.load": ("m.pt",),
    "numpy.testing._private.utils.runstring": (PYTHON, {}),
    "torch.load": ("m.pt",),
    "torch.save": (1, CANARY),
    "torch.hub.load": ("x/y", "z"),
    "torch.jit.load": ("m.pt",),
    "torch.ops.load_library": ("x.so",),
    "torch.storage._load_from_bytes": ("x",),
    "torch.serialization.load": ("m.pt",),
    "torch.nn.modules.linear.Linear": (2, 3),
    "torch._utils.os.system": (TOUCH,),
    "torch._utils._rebuild_tensor_v2.__globals__": (),
    "collections.OrderedDict.__class__": (),
    "builtins.dict.__subclasses__": (),
    "__main__.Net": (),
    "sys.exit": (0,),
    "os._exit": (0,),
    "\x1b]0;title\x07.x": (),
    "a\rb.c": (),
}
"""What to call, with which arguments; split at the last dot."""


def _function(name: str) -> G:
    return G(*name.rsplit(".", 1))


def _text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


SYSTEM, ARGUMENT = G("os", "system"), code(TOUCH)
CALLED = ARGUMENT + b"\x85R"
ON_STACK = _text("os") + _text("system") + b"\x93"
WAYS = {
    "STACK_GLOBAL": (4, ON_STACK + CALLED),
    "STACK_GLOBAL with dots": (4, _text("torch") + _text("os.system") + b"\x93" + CALLED),
    "STACK_GLOBAL in a frame": (4, b"\x95" + b"\xff" * 7 + b"\x7f" + ON_STACK + CALLED),
    "STACK_GLOBAL of lists": (4, b"]]\x93"),
    "STACK_GLOBAL of a long name": (4, code("x" * 10_000) + code("y\n" * 10_000) + b"\x93"),
    "INST": (2, b"(" + ARGUMENT + b"ios\nsystem\n"),
    "OBJ": (2, b"(" + code(SYSTEM) + ARGUMENT + b"o"),
    "NEWOBJ": (2, code(SYSTEM) + ARGUMENT + b"\x85\x81"),
    "NEWOBJ_EX": (4, code(SYSTEM) + ARGUMENT + b"\x85}\x92"),
    "NEWOBJ of an allowed class": (2, code(G("collections", "OrderedDict")) + b"K\x01\x85\x81."),
    "BUILD on a function": (2, code(G("torch._utils", "_rebuild_tensor_v2"))
                            + code({"__code__": 1}) + b"b"),
    "BUILD on a tensor": (2, code(tensor()) + code({"__class__": 1}) + b"b"),
    "BUILD with slots": (2, code(G("torch", "Size")) + code((None, {"x": 1})) + b"b"),
    "EXT1": (2, b"\x82\x01)R"),
    "EXT2": (2, b"\x83\x01\x00)R"),
    "EXT4": (2, b"\x84\x01\x00\x00\x00)R"),
    "EXT of 0": (2, b"\x82\x00)R"),
    "PERSID": (0, b"Pos.system\n"),
    "BINPERSID of a function": (2, code(SYSTEM) + b"Q"),
    "BINPERSID of a module": (
        2, code(("module", G("torch.nn", "Linear"), "x.py", "import os")) + b"Q"),
    "GLOBAL unused": (2, code(SYSTEM) + b"0N"),
    "GLOBAL behind the weights": (2, code(WEIGHT) + code(R(SYSTEM, (TOUCH,))) + b"0"),
    "GLOBAL behind a tensor without numbers": (
        2, code(R(G("torch._utils", "_rebuild_wrapper_subclass"),
                  (G("torch", "Tensor"), G("torch", "float32"), (2, 3)))) + b"0"
        + code(R(SYSTEM, (TOUCH,)))),
    "a function as a tensor's maker": (
        2, code(R(G("torch._tensor", "_rebuild_from_type_v2"),
                  (SYSTEM, G("torch", "Tensor"), (TOUCH,), {})))),
    "a maker of makers": (
        2, code(R(G("torch._tensor", "_rebuild_from_type_v2"),
                  (G("torch._utils", "_rebuild_tensor_v2"), G("torch", "Tensor"), (), {})))),
    "a list called": (2, b"])R"),
    "a tensor called": (2, code(tensor()) + b")R"),
    "a dtype called": (2, code(G("torch", "float32")) + b")R"),
    "arguments that are a list": (2, code(G("collections", "OrderedDict")) + b"]R"),
    "arguments that are none": (2, code(G("collections", "OrderedDict")) + b"NR"),
}  # fmt: skip


def calls() -> Iterator[Hostile]:
    """Yield pickles that call anything, in every way that a pickle can."""
    for name, arguments in FUNCTIONS.items():
        yield torch_file(f"calls {name!a}", {**WEIGHT, "x": R(_function(name), arguments)})
    for name, (protocol, instructions) in WAYS.items():
        data = b"\x80" + bytes([protocol]) + instructions + b"."
        yield torch_file(f"calls by {name}", data)


def bare_pickles() -> Iterator[Hostile]:
    """Yield pickles that stand in no zip file, as older files did."""
    for name in ("os.system", "builtins.eval", "subprocess.Popen", "torch.hub.load"):
        call = R(_function(name), FUNCTIONS[name])
        yield one_file(f"bare, calls {name}", pickled(call), "pth")
        older = LEGACY + pickled(1001) + pickled({}) + pickled(call) + pickled([])
        yield one_file(f"older, calls {name}", older, "pth")
        yield one_file(f"older, calls {name} at once", LEGACY + pickled(call), "bin")
    sound = LEGACY + pickled(1001) + pickled({"little_endian": True})
    yield one_file("older, cut behind its number", LEGACY, "pth")
    yield one_file("older, cut before its tensors", sound, "pth")
    yield one_file("older, of a huge storage", sound + pickled(tensor(storage("0", 10**12))), "pth")
    yield one_file("bare, of tensors", pickled(WEIGHT), "pth")
    yield one_file("bare, of numbers", pickled({"weight": [[1.0]]}), "ckpt")
    yield one_file("bare, of protocol 99", b"\x80\x63N.", "ckpt")
    yield one_file("bare, of nothing", b"\x80", "bin")
    yield one_file("zeros", b"\0" * 1000, "pt")
    yield one_file("text", b"weight: 1\n" * 10, "pt")
    yield one_file("tar", b"data".ljust(257, b"\0") + b"ustar" + b"\0" * 250, "pt")
