"""What is said of a library that is missing or broken."""

from __future__ import annotations

from fcinspect.errors import InputError, install_hint

WITHOUT_TORCH = "shapes, diagnose TEXT, and scan, diff and show of most files work without it"
TORCH_BUILDS = "PyTorch's page 'Get Started' gives the command for your system, and for a CPU build"


def refusal_of(error: ImportError) -> InputError | None:
    """Return the refusal for a library that cannot be imported; None where it is fcinspect's."""
    library = (error.name or "").partition(".")[0]
    if not library or library == "fcinspect":
        return None
    if isinstance(error, ModuleNotFoundError) and error.name == library:
        said = f"{library} is not installed in the environment that runs fcinspect"
    else:
        reason = " ".join(str(error).split())
        said = f"the installed {library} cannot be imported: {reason}"
    if library == "torch":
        return InputError(f"{said}; {WITHOUT_TORCH}", f"pip install torch there: {TORCH_BUILDS}")
    return InputError(said, install_hint(library))
