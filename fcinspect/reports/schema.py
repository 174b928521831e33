"""The JSON Schema of every command's output, made by pydantic from the types in documents.py."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.page.view import schema_name
from fcinspect.reports.documents import approximate as approximation_documents
from fcinspect.reports.documents import core as documents
from fcinspect.reports.documents import diff as diff_documents
from fcinspect.reports.documents import draw as diagram_documents
from fcinspect.reports.documents import module as module_documents
from fcinspect.reports.documents import scan as scan_documents
from fcinspect.reports.documents import worksheet as worksheet_documents
from fcinspect.reports.documents import worksheet_grade as worksheet_grade_documents

Data = TypeVar("Data")

DOCUMENTS: dict[str, Any] = {
    "create": documents.InspectedLayerDocument,
    "show": documents.InspectedLayerDocument | documents.ListingDocument,
    "explain": documents.ExplainDocument,
    "shapes": documents.ShapesDocument,
    "trace": module_documents.TraceDocument,
    "step": documents.StepDocument,
    "verify": documents.VerifyDocument
    | documents.PlannedChecksDocument
    | documents.ShippedExamplesDocument,
    "diagnose": module_documents.DiagnoseDocument,
    "scan": scan_documents.ScanDocument,
    "diff": diff_documents.DiffDocument,
    "approximate": approximation_documents.ApproximateDocument
    | approximation_documents.DepthDocument,
    "draw": diagram_documents.DrawDocument,
    "worksheet": worksheet_documents.WorksheetDocument
    | worksheet_documents.ClassDocument
    | worksheet_grade_documents.GradebookDocument,
}


class Envelope(TypedDict, Generic[Data]):
    """What stands around the data of every command."""

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
