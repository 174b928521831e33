"""The numbers of a product whose shapes do not fit, and how the reader's line is written anew."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.diagnosis.reported import Reported


@dataclass(frozen=True)
class Product:
    """A matrix (rows × width) times one (wanted × out), whose inner sizes differ."""

    rows: int
    width: int
    wanted: int
    out: int
    reported: Reported

    @property
    def layer(self) -> str:
        """The layer in the reader's own line."""
        return self.reported.names()["layer"]

    def given(self, form: str) -> str:
        """Return the line that gives the layer its input in another form, e.g. "{}.T"."""
        names = self.reported.names()
        if self.reported.inside and self.reported.call is not None:
            within = self.reported.call.function
            return f"x = {form.format('x')}  # before the layer inside {within}"
        return f"{names['target']} = {self.layer}({form.format(self.reported.argument)})"

    @property
    def functional(self) -> bool:
        """Whether the reader multiplies by a matrix of their own, not by a layer's weight."""
        if self.reported.passed_through("modules/linear.py"):
            return False
        return self.reported.own_frame is not None
