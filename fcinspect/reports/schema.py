"""The JSON Schema of every command's output, made by pydantic from the types in documents/."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.page.view import schema_name
from fcinspect.reports.documents import core, networks, scan, training

Data = TypeVar("Data")

DOCUMENTS: dict[str, Any] = {
    "create": core.InspectedLayerDocument,
    "show": core.InspectedLayerDocument | core.ListingDocument,
    "explain": core.ExplainDocument,
    "shapes": core.ShapesDocument,
    "trace": networks.TraceDocument,
    "step": training.StepDocument,
    "verify": training.VerifyDocument
    | training.PlannedChecksDocument
    | training.ShippedExamplesDocument,
    "diagnose": networks.DiagnoseDocument,
    "scan": scan.ScanDocument,
    "diff": core.DiffDocument,
    "approximate": networks.ApproximateDocument | networks.DepthDocument,
    "draw": networks.DrawDocument,
    "worksheet": training.WorksheetDocument | training.ClassDocument | training.GradebookDocument,
}


class Envelope(TypedDict, Generic[Data]):
    """The envelope around the data of every command."""

    schema: str
    ok: bool
    version: str
    input: dict[str, Any]
    data: Data
    warnings: list[str]


def schema_of(command: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one command's output.

    Raises UsageError for a command without JSON output.
    """
    if command not in DOCUMENTS:
        raise UsageError(
            f"{command!r} has no JSON output: expected one of {', '.join(DOCUMENTS)}",
            hint=did_you_mean(command, DOCUMENTS),
        )
    document: Any = Envelope[DOCUMENTS[command]]  # type: ignore[valid-type]  # made at run time
    made = TypeAdapter(document).json_schema(mode="serialization")
    name = schema_name(command)
    made["properties"]["schema"] = {"const": name, "type": "string", "title": "Schema"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": name}


def all_schemas() -> dict[str, Any]:
    """Return the schema of every command by its name."""
    return {command: schema_of(command) for command in DOCUMENTS}
