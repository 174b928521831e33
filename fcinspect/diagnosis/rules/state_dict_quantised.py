"""Keys of quantized layers in a state dict, in the model, or in both in different formats."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import pick
from fcinspect.diagnosis.rules.state_dict_report import Explained, LoadingReport, count, some

QUANTISED = re.compile(
    r"_packed_params|weight_fake_quant|activation_post_process"
    r"|(?:^|\.)(?:zero_point|scale|scales|zeros|qweight|qzeros|g_idx|SCB|weight_format"
    r"|weight_scale\w*|input_scale|weight_packed|weight_zero_point|weight_shape)$"
    r"|\.(?:absmax|quant_map|quant_state\S*|nested_absmax|nested_quant_map)$"
)
WRITERS = (
    (r"\.(?:absmax|quant_map|quant_state)", "bitsandbytes in 4 bits"),
    (r"SCB$|weight_format$", "bitsandbytes in 8 bits"),
    (r"g_idx$", "GPTQ"),
    (r"qweight$|qzeros$", "GPTQ or AWQ"),
    (r"weight_packed$|weight_shape$", "compressed-tensors"),
    (r"weight_scale\w*$|input_scale$", "float8 or int8 quantization"),
    (r"fake_quant|activation_post_process", "prepare_qat or prepare"),
    (r"_packed_params|zero_point$", "torch.ao.quantization"),
)
"""What writes such keys; the first that fits."""


def quantised(report: LoadingReport) -> list[Explained]:
    """Explain scales, zero points and packed weights on one side, or on both."""
    saved = [key for key in report.unexpected if QUANTISED.search(key)]
    wanted = [key for key in report.missing if QUANTISED.search(key)]
    if not (saved or wanted):
        return []
    those = saved or wanted
    side = "unexpected key" if saved else "missing key"
    of = count(report.unexpected if saved else report.missing, side)
    told = f"{len(those)} of {of} are scales or packed weights: {some(those)}"
    by = f", as {_writer(those)} writes them" if _writer(those) else ""
    explained = len(saved) + (len(report.missing) if saved else len(report.unexpected))
    if saved and wanted:
        told = f"the file has {some(saved)}, the model wants {some(wanted)}"
        return [(report.total, pick("quantised-format", told=told))]
    if wanted:
        return [(explained + len(wanted), pick("quantised-model", told=told + by))]
    cause = "quantised-checkpoint"
    if any("_packed_params" in key for key in saved):
        cause = "quantised-checkpoint/packed"
    elif any(re.search(r"fake_quant|activation_post_process", key) for key in saved):
        cause = "quantised-checkpoint/prepared"
    return [(explained, pick(cause, told=told + by))]


def _writer(keys: list[str]) -> str:
    for pattern, writer in WRITERS:
        if any(re.search(pattern, key) for key in keys):
            return writer
    return ""
