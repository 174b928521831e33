"""See every multiply-add of a linear layer, and prove it right."""

__version__ = "0.1.0"
__all__ = ["__version__", "diagnose"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fcinspect.python.diagnose import diagnose
    from fcinspect.python.ipython import load_ipython_extension as load_ipython_extension
    from fcinspect.python.ipython import unload_ipython_extension as unload_ipython_extension

_PLACES = {
    "diagnose": "fcinspect.python.diagnose",
    "load_ipython_extension": "fcinspect.python.ipython",
    "unload_ipython_extension": "fcinspect.python.ipython",
}
"""The modules of what is imported when it is first asked for."""


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES} - {"TYPE_CHECKING", "_PLACES"})
