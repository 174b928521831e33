"""What else a text shows: each fact that rules causes out, with the same message without it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fcinspect.diagnosis.catalogue.parsing import FAMILIES, known_facts, messages
from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis
from tests.diagnosis import facts_of_training
from tests.diagnosis.shown_in_text import SHOWN


@dataclass(frozen=True)
class Shown:
    """One message, and the text that shows a fact around it."""

    fact: str
    """Its name in the catalogue."""
    message: str
    text: str
    """The same message with the fact."""
    cause: str
    """The name of the cause that comes first with the fact, and not without."""
    says: str = ""
    """What tells it from a cause of that name that comes first without the fact."""


PRODUCT = "RuntimeError: mat1 and mat2 shapes cannot be multiplied"
PACKED_WIDER = (
    "RuntimeError: Error(s) in loading state_dict for Net:\n"
    "\tsize mismatch for l.w2.weight: copying a param with shape torch.Size([512, 88, 32, 4]) from"
    " checkpoint, the shape in current model is torch.Size([512, 86, 32, 4]).\n"
)
UNEVEN = (
    'ValueError: Trying to set a tensor of shape torch.Size([276, 4096]) in "qweight" (which has'
    " shape torch.Size([256, 4096])), this look incorrect."
)
CASES = (
    Shown(
        "sliced-for-tensor-parallelism",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x5120 and 1x2560)",
        "File /env/lib/python3.8/dist-packages/transformers/models/llama/modeling_llama.py:295, in"
        " <listcomp>(.0)\n"
        "    292 key_slices = self.k_proj.weight.split(key_value_slicing, dim=0)\n"
        "--> 295 states = [F.linear(hidden, slices[i]) for i in range(self.pretraining_tp)]\n\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x5120 and 1x2560)",
        "slices-of-packed-weight",
    ),
    Shown(
        "lora-config-of-a-newer-peft",
        "TypeError: __init__() got an unexpected keyword argument 'corda_config'",
        'Traceback (most recent call last):\n  File "/srv/load.py", line 4, in <module>\n'
        "    config = LoraConfig.from_pretrained(path)\n"
        '  File "/env/lib/python3.11/site-packages/peft/config.py", line 134, in from_peft_type\n'
        "    return config_cls(**kwargs)\n"
        "TypeError: __init__() got an unexpected keyword argument 'corda_config'",
        "adapter-config-newer",
    ),
    Shown(
        "weight-empty-under-zero3",
        "RuntimeError: size mismatch, got input (8), mat (8x4096), vec (0)",
        "[2024-05-01 10:00:00,000] [INFO] DeepSpeed info: version=0.14.0\n"
        'Traceback (most recent call last):\n  File "/srv/train.py", line 90, in <module>\n'
        "    values = model.value_head(hidden)\n"
        "RuntimeError: size mismatch, got input (8), mat (8x4096), vec (0)",
        "weight-partitioned",
    ),
    Shown(
        "assertion-before-the-error",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "../aten/src/ATen/native/cuda/Indexing.cu:1146: indexSelectLargeIndex: block: [9,0,0], "
        "thread: [5,0,0] Assertion `srcIndex < srcSelectDimSize` failed.\n"
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "index-out-of-range",
    ),
    Shown(
        "checkpoint-warned",
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        "/env/lib/python3.9/site-packages/torch/utils/checkpoint.py:31: UserWarning: None of the "
        "inputs have requires_grad=True. Gradients will be None\n"
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        "checkpoint-without-gradient",
    ),
    Shown(
        "eight-bit-product",
        f"{PRODUCT} (863x1 and 11x5120)",
        'File "/e/site-packages/bitsandbytes/autograd/_functions.py", line 374, in forward\n'
        f"    output += torch.matmul(subA, state.subB)\n{PRODUCT} (863x1 and 11x5120)",
        "eight-bit-outliers",
    ),
    Shown(
        "packed-columns",
        f"{PRODUCT} (12x4096 and 512x4000)",
        'File "/e/site-packages/auto_gptq/qlinear.py", line 90, in forward\n'
        f"    out = F.linear(x, self.weight)\n{PRODUCT} (12x4096 and 512x4000)",
        "packed-weight",
    ),
    Shown(
        "four-bits-under-an-adapter",
        f"{PRODUCT} (1536x4096 and 1x8388608)",
        'File "/e/site-packages/peft/tuners/lora.py", line 565, in forward\n'
        f"    result = F.linear(x, self.weight)\n{PRODUCT} (1536x4096 and 1x8388608)",
        "packed-weight",
        "update peft",
    ),
    Shown(
        "weight-divided-among-processes",
        "RuntimeError: mat2 must be a matrix, got 1-D tensor",
        'File "/e/site-packages/torch/distributed/fsdp/fully_sharded_data_parallel.py", line 8, in'
        " f\n    return g()\nRuntimeError: mat2 must be a matrix, got 1-D tensor",
        "sharded-weight",
    ),
    Shown(
        "lora-patch",
        "shape '[1280, 2048]' is invalid for input of size 983040",
        "ERROR lora attn2.to_k.weight shape '[1280, 2048]' is invalid for input of size 983040",
        "lora-of-another-base-model",
    ),
    Shown(
        "lora-branch",
        f"{PRODUCT} (512x3584 and 4096x16)",
        'File "/e/site-packages/peft/tuners/lora/layer.py", line 557, in forward\n'
        f"    result = lora_B(lora_A(dropout(x)))\n{PRODUCT} (512x3584 and 4096x16)",
        "lora-of-another-base-model",
    ),
    Shown(
        "gradient-written-by-hand",
        f"{PRODUCT} (64x10 and 784x10)",
        'File "/w/linear_fn.py", line 31, in backward\n    grad_x = grad_output.mm(weight.t())\n'
        f"{PRODUCT} (64x10 and 784x10)",
        "gradient-formula",
    ),
    Shown(
        "mel-scale-of-torchaudio",
        f"{PRODUCT} (282x577 and 201x192)",
        'File "/e/site-packages/torchaudio/transforms.py", line 386, in forward\n'
        f"    mel = torch.matmul(specgram.mT, self.fb).mT\n{PRODUCT} (282x577 and 201x192)",
        "mel-scale-bins",
    ),
    Shown(
        "weight-named-by-dynamo",
        f"{PRODUCT} (16x5120 and 2048x5120)",
        "call_function linear(*(FakeTensor(..., size=(1, 16, 5120)), Parameter(FakeTensor(...,"
        " device='cuda:0', size=(5120, 2048), dtype=torch.float16)), None), **{})\n"
        f"{PRODUCT} (16x5120 and 2048x5120)",
        "input-of-another-model",
    ),
    Shown(
        "layer-of-a-pretrained-model",
        f"{PRODUCT} (313x3072 and 4000x3000)",
        'File "/e/site-packages/transformers/models/phi3/modeling_phi3.py", line 80, in forward\n'
        f"    x = self.img_projection(x)\n{PRODUCT} (313x3072 and 4000x3000)",
        "input-of-another-model",
    ),
    Shown(
        "thrown-away-view",
        f"{PRODUCT} (96x6 and 576x120)",
        "<ipython-input-6-0a1b> in forward(self, x)\n      8         x = self.pool(x)\n"
        "      9         x.view(-1, 576)\n---> 10         x = self.fc1(x)\n\n"
        f"{PRODUCT} (96x6 and 576x120)",
        "view-result-thrown-away",
    ),
    Shown(
        "dtype-inside-a-library",
        "RuntimeError: mat1 and mat2 must have the same dtype, but got BFloat16 and Float",
        'File "/e/site-packages/transformers/models/qwen2/modeling_qwen2.py", line 9, in forward\n'
        "    logits = self.score(hidden_states)\n"
        "RuntimeError: mat1 and mat2 must have the same dtype, but got BFloat16 and Float",
        "head-in-another-dtype",
    ),
    *(Shown(*case) for case in facts_of_training.CASES),
    *(Shown(*shown) for shown in SHOWN),
    Shown(
        "constructor-in-other-letters",
        "ValueError: optimizer got an empty parameter list",
        "    def __int__(self):\n        self.fc = nn.Linear(4, 2)\n\n"
        "ValueError: optimizer got an empty parameter list",
        "constructor-misspelt",
    ),
    Shown(
        "filtered-parameters",
        "ValueError: optimizer got an empty parameter list",
        "params = filter(lambda p: p.requires_grad, net.parameters())\n"
        "ValueError: optimizer got an empty parameter list",
        "filter-used-up",
    ),
    Shown(
        "as-wide-as-a-vocabulary",
        f"{PRODUCT} (64x1024 and 768x2)",
        f"{PRODUCT} (64x1024 and 768x2)\n\nRuntimeError: mat1 and mat2 shapes cannot be multiplied"
        " (64x30522 and 768x2)",
        "logits-for-hidden-states",
    ),
    Shown(
        "groups-of-a-quantized-weight",
        "RuntimeError: shape '[-1, 1024, 6656]' is invalid for input of size 44302336",
        "    weight = weight.reshape(-1, self.groupsize, weight.shape[2])\n"
        "RuntimeError: shape '[-1, 1024, 6656]' is invalid for input of size 44302336",
        "group-size-not-dividing",
    ),
    Shown(
        "int4-scales",
        PACKED_WIDER,
        f"{PACKED_WIDER}\tsize mismatch for l.w2.scales_and_zeros: copying a param with shape"
        " torch.Size([352, 4096, 2]) from checkpoint, the shape in current model is"
        " torch.Size([344, 4096, 2]).",
        "int4-padding",
    ),
    Shown(
        "rows-of-qweight",
        UNEVEN,
        f'{UNEVEN}\n{{"bits": 2}}',
        "qweight-packed-unevenly",
    ),
    Shown(
        "slice-of-a-float8-buffer",
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling cublasLtMatmul",
        "b = buffer.to(torch.float8_e4m3fn)[1:].view(64, 64).T\n"
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling cublasLtMatmul",
        "operand-not-aligned",
    ),
    Shown(
        "map-of-one",
        "mat1 and mat2 shapes cannot be multiplied (2x60 and 18496x256)",
        "mat1 and mat2 shapes cannot be multiplied (2x60 and 18496x256)\n\n"
        "RuntimeError: size mismatch, m1: [2 x 64], m2: [18496 x 256]",
        "map-of-another-size",
    ),
)


def answered(text: str) -> Diagnosis:
    """Return the diagnosis of a text that is known."""
    found = diagnose(text)
    assert isinstance(found, Diagnosis), text
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fact}-{case.cause}")
def test_a_fact_changes_the_answer(case: Shown) -> None:
    """With it its cause comes first, and what it rules out is gone; without it that is there."""
    known = next(known for known in known_facts() if known.fact == case.fact)
    without, shown = answered(case.message), answered(case.text)
    assert case.message in case.text
    assert shown.likely[0].name == case.cause
    assert case.says in shown.likely[0].fix
    assert without.likely[0].name != case.cause or case.says not in without.likely[0].fix
    assert not known.ruled_out & {cause.name for cause in shown.likely[1:]}
    if known.ruled_out:
        assert without.likely[0].name in known.ruled_out


def test_every_fact_has_its_case() -> None:
    """None is left without a message whose answer it changes."""
    assert {case.fact for case in CASES} == {known.fact for known in known_facts()}


def test_what_a_fact_bears_on_is_known() -> None:
    """Kinds of messages, and causes of the catalogue; and it rules out only such causes."""
    every = [message for family in FAMILIES for message in messages(family)]
    names = {cause.name for message in every for cause in message.causes.values()}
    for known in known_facts():
        assert known.bears_on <= names | {message.kind for message in every}, known.fact
        assert known.ruled_out <= names, known.fact
        assert known.causes or known.rules
