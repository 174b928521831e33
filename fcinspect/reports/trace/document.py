"""The JSON data of a traced module, and the rows of its CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.reports import diagnose as diagnosis
from fcinspect.reports.trace.words import first_shape

if TYPE_CHECKING:
    from fcinspect.diagnosis.records import Diagnosis
    from fcinspect.reports.documents.module import (
        FailureDocument,
        PlaceDocument,
        StepOfModuleDocument,
        TensorDocument,
        TraceDocument,
        UsedParameterDocument,
    )
    from fcinspect.shapes.steps import ModuleTrace, Parameter, Place, Step, Tensor


def document(trace: ModuleTrace, found: Diagnosis | None) -> TraceDocument:
    """Return the JSON data."""
    first = trace.inputs[0].shape if trace.inputs else ()
    return {
        "source": trace.source,
        "name": trace.name,
        "device": trace.device,
        "why_not_meta": text.safe(trace.why_not_meta),
        "training": trace.training,
        "batch": list(first[:1]),
        "inputs": _tensors(trace.inputs),
        "outputs": _tensors(trace.outputs),
        "layers": [_step(step) for step in trace.steps],
        "parameters": trace.parameters,
        "unregistered": trace.unregistered,
        "trainable": trace.trainable,
        "parameter_bytes": trace.parameter_bytes,
        "buffers": trace.buffers,
        "macs": trace.macs,
        "unused": [_parameter(p) for p in trace.unused],
        "failure": _failure(trace, found),
    }


def _failure(trace: ModuleTrace, found: Diagnosis | None) -> FailureDocument | None:
    failure = trace.failure
    if failure is None:
        return None
    return {
        "stage": failure.stage,
        "error": failure.error,
        "message": text.safe(failure.message),
        "place": _place(failure.place),
        "code": text.safe(failure.code),
        "step": None if failure.step is None else _step(failure.step),
        "diagnosis": None if found is None else diagnosis.document(found),
    }


def _step(step: Step) -> StepOfModuleDocument:
    return {
        "name": step.path,
        "kind": step.kind,
        "call": step.call,
        "is_module": step.is_module,
        "input": list(step.inputs[0].shape) if step.inputs else None,
        "output": list(step.outputs[0].shape) if step.outputs else None,
        "inputs": _tensors(step.inputs),
        "outputs": _tensors(step.outputs),
        "weight": None if step.weight is None else list(step.weight),
        "bias": None if step.bias is None else list(step.bias),
        "parameters": step.count,
        "used_parameters": [_parameter(p) for p in step.parameters],
        "macs": step.macs,
        "linear": step.linear,
        "called": _place(step.called),
        "made": _place(step.made),
        "made_in_run": step.made_in_run,
        "windows": [{"axis": w.axis, "formula": w.words, "output": w.output} for w in step.windows],
        "note": step.note,
    }


def _tensors(tensors: Sequence[Tensor]) -> list[TensorDocument]:
    return [{"name": t.name, "shape": list(t.shape), "dtype": t.dtype} for t in tensors]


def _parameter(parameter: Parameter) -> UsedParameterDocument:
    return {"name": parameter.name, "shape": list(parameter.shape), "new": parameter.new}


def _place(place: Place | None) -> PlaceDocument | None:
    return None if place is None else {"file": place.file, "line": place.line}


def rows(trace: ModuleTrace) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a step."""
    yield (
        "name", "kind", "call", "line", "input", "output", "weight", "bias", "parameters", "macs",
    )  # fmt: skip
    for step in trace.steps:
        place = step.called or step.made
        line = "" if place is None else f"{Path(place.file).name}:{place.line}"
        shapes = (
            "x".join(map(str, shape)) if shape is not None else ""
            for shape in (
                first_shape(step.inputs),
                first_shape(step.outputs),
                step.weight,
                step.bias,
            )
        )
        yield (step.path, step.kind, step.call, line, *shapes, step.count, step.macs)
