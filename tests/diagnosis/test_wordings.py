"""Quoted wordings of other versions of torch and of devices that a test machine may not have.

The messages that the installed torch itself can produce are not quoted: tests/diagnosis/corpus
makes them.
"""

from __future__ import annotations

import pytest

from fcinspect.diagnosis.facts import Facts, Frame
from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis
from fcinspect.diagnosis.rules.operands import called, converted, operands

DTYPES = (
    ("expected scalar type Float but found Double", "float64-input"),
    ("expected scalar type Double but found Float", "float64-input"),
    ("expected scalar type Half but found Float", "one-side-half"),
    ("expected scalar type BFloat16 but found Float", "one-side-half"),
    ("expected scalar type Float but found Long", "integer-input"),
    (
        "Expected object of scalar type Float but got scalar type Double for argument #2 'mat1' in "
        "call to _th_addmm",
        "float64-input",
    ),
    (
        "Expected object of scalar type Double but got scalar type Float for argument #2 'mat2' in "
        "call to _th_mm",
        "float64-input",
    ),
    (
        "Expected object of scalar type Byte but got scalar type Float for argument #2 'weight' in "
        "call to _thnn_conv2d_forward",
        "byte-images",
    ),
    ("expected mat1 and mat2 to have the same dtype, but got: double != float", "float64-input"),
    ("expected mat1 and mat2 to have the same dtype, but got: float != c10::Half", "one-side-half"),
    ("mat1 and mat2 must have the same dtype", "float64-input"),
    ("self and mat2 must have the same dtype", "float64-input"),
    ("self and mat2 must have the same dtype, but got Float and Half", "bias-dtype"),
    ("mat1 and mat2 must have the same dtype, but got Char and Half", "integer-input"),
    ("mat1 and mat2 must have the same dtype, but got Float and Byte", "packed-weight"),
    (
        "Input type (torch.DoubleTensor) and weight type (torch.FloatTensor) should be the same",
        "float64-input",
    ),
    (
        "Input type (torch.cuda.HalfTensor) and weight type (torch.cuda.FloatTensor) should be the "
        "same",
        "one-side-half",
    ),
    ("Input type (float) and bias type (struct c10::Half) should be the same", "one-side-half"),
    ("\"addmm_impl_cpu_\" not implemented for 'Half'", "half-on-cpu"),
    ("\"slow_conv2d_cpu\" not implemented for 'Half'", "half-on-cpu"),
    ("\"LayerNormKernelImpl\" not implemented for 'Half'", "half-on-cpu"),
    ("\"addmm_impl_cpu_\" not implemented for 'Long'", "integer-input"),
    ("\"triu_tril_cuda_template\" not implemented for 'BFloat16'", "low-precision-not-supported"),
    ("\"addmm_cuda\" not implemented for 'Long'", "integer-input"),
    (
        "Expected tensor for argument #1 'indices' to have scalar type Long; but got "
        "torch.FloatTensor instead (while checking arguments for embedding)",
        "float-indices",
    ),
    (
        "Expected tensor for argument #1 'indices' to have one of the following scalar "
        "types: Long, "
        "Int; but got torch.cuda.FloatTensor instead (while checking arguments for embedding)",
        "float-indices",
    ),
    ("tensors used as indices must be long, byte or bool tensors", "float-indices"),
    (
        "can't convert np.ndarray of type numpy.object_. The only supported types are: "
        "double, float, "
        "float16, int64, int32, and uint8.",
        "object-array",
    ),
    ("value cannot be converted to type at::Half without overflow: -1e+09", "mask-value-too-large"),
    (
        "Input and parameter tensors are not the same dtype, found input tensor with Double and "
        "parameter tensor with Float",
        "float64-input",
    ),
)
DEVICES = (
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)",
        "input-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cpu and "
        "cuda:0! (when checking argument for argument mat1 in method wrapper_addmm)",
        "model-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu! (when checking argument for argument mat2 in method wrapper_CUDA_mm)",
        "model-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu! (when checking argument for argument index in method wrapper__index_select)",
        "input-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu! (when checking argument for argument target in method "
        "wrapper_CUDA_nll_loss_forward)",
        "target-not-moved",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu! (when checking argument for argument weight in method "
        "wrapper_CUDA_nll_loss_forward)",
        "class-weights-not-moved",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cpu!",
        "input-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        "cuda:1!",
        "input-not-moved",
    ),
    (
        "Expected all tensors to be on the same device, but got mat1 is on cpu, different "
        "from other "
        "tensors on cuda:0 (when checking argument in method wrapper_CUDA_addmm)",
        "input-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but got mat2 is on cpu, different "
        "from other "
        "tensors on cuda:0 (when checking argument in method wrapper_CUDA_mm)",
        "model-on-cpu",
    ),
    (
        "Expected all tensors to be on the same device, but got index is on cuda:0, different from "
        "other tensors on cpu (when checking argument in method wrapper_CUDA__index_select)",
        "model-on-cpu",
    ),
    (
        "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be "
        "the same "
        "or input should be a MKLDNN tensor and weight is a dense tensor",
        "input-on-cpu",
    ),
    (
        "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be "
        "the same",
        "model-on-cpu",
    ),
    (
        "Input type (CUDAFloatType) and weight type (CPUFloatType) should be the same",
        "model-on-cpu",
    ),
    (
        "Input type (MPSFloatType) and weight type (torch.FloatTensor) should be the same",
        "model-on-cpu",
    ),
    (
        "Expected object of device type cuda but got device type cpu for argument #2 'mat1' "
        "in call "
        "to _th_addmm",
        "input-on-cpu",
    ),
    (
        "Expected object of device type cuda but got device type cpu for argument #1 'self' "
        "in call "
        "to _th_addmm",
        "input-on-cpu",
    ),
    (
        "Expected object of backend CUDA but got backend CPU for argument #2 'weight'",
        "model-on-cpu",
    ),
    (
        "Tensor for argument #2 'mat1' is on CPU, but expected it to be on GPU (while checking "
        "arguments for addmm)",
        "input-on-cpu",
    ),
    (
        "Tensor for 'out' is on CPU, Tensor for argument #1 'self' is on CPU, but expected "
        "them to be "
        "on GPU (while checking arguments for addmm)",
        "input-on-cpu",
    ),
    (
        "Input and parameter tensors are not at the same device, found input tensor at cpu and "
        "parameter tensor at cuda:0",
        "input-on-cpu",
    ),
    (
        "Input and parameter tensors are not at the same device, found input tensor at cuda:0 and "
        "parameter tensor at cpu",
        "model-on-cpu",
    ),
    (
        "indices should be either on cpu or on the same device as the indexed tensor (cpu)",
        "indices-elsewhere",
    ),
    (
        "module must have its parameters and buffers on device cuda:0 (device_ids[0]) but "
        "found one "
        "of them on device: cpu",
        "model-not-on-first-device",
    ),
    ("Torch not compiled with CUDA enabled", "cpu-build"),
    ("No CUDA GPUs are available", "no-gpu"),
    (
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and "
        "installed a driver from http://www.nvidia.com/Download/index.aspx",
        "no-gpu",
    ),
    (
        "Attempting to deserialize object on CUDA device 1 but torch.cuda.device_count() is "
        "1. Please "
        "use torch.load with map_location to map your storages to an existing device.",
        "map-location-missing",
    ),
    ("Placeholder storage has not been allocated on MPS device!", "input-on-cpu"),
    (
        "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support "
        "float64. "
        "Please use float32 instead.",
        "float64-on-mps",
    ),
    ("Expected a 'cuda' device type for generator but found 'cpu'", "generator-device"),
    (
        "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
        "host memory first.",
        "numpy-of-gpu-tensor",
    ),
    (
        "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity; 5.61 GiB "
        "already allocated)",
        "batch-too-large",
    ),
    ("CUDA error: out of memory", "batch-too-large"),
    (
        "MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB). Tried to "
        "allocate "
        "256.00 MB on private pool.",
        "batch-too-large",
    ),
    (
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "gpu-memory-full",
    ),
    (
        "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemm( handle, opa, "
        "opb, m, n, "
        "k, &alpha, a, lda, b, ldb, &beta, c, ldc)`",
        "other-cublas-found",
    ),
    ("CUDA error: invalid device ordinal", "device-number"),
    ("CUDA error: no kernel image is available for execution on the device", "gpu-not-in-build"),
)
STATE_DICTS = (
    (
        "Error(s) in loading state_dict for Net:\n\tsize mismatch for fc.weight: copying a "
        "param of "
        "torch.Size([10, 512]) from checkpoint, where the shape is torch.Size([1000, 512]) "
        "in current "
        "model.",
        "head-replaced",
    ),
    (
        'While copying the parameter named "fc.weight", whose dimensions in the model are '
        "torch.Size([10, 512]) and whose dimensions in the checkpoint are torch.Size([1000, 512]).",
        "head-replaced",
    ),
    (
        "Error(s) in loading state_dict for GPT:\n\tsize mismatch for "
        "transformer.wte.weight: copying "
        "a param with shape torch.Size([50257, 768]) from checkpoint, the shape in current "
        "model is "
        "torch.Size([50304, 768]).",
        "vocabulary-size",
    ),
    (
        "Error(s) in loading state_dict for ViT:\n\tsize mismatch for pos_embed: copying a "
        "param with "
        "shape torch.Size([197, 768]) from checkpoint, the shape in current model is "
        "torch.Size([577, 768]).",
        "position-count",
    ),
    (
        "Error(s) in loading state_dict for Llama:\n\tsize mismatch for layers.0.up_proj.weight: "
        "copying a param with shape torch.Size([22544384, 1]) from checkpoint, the shape in "
        "current "
        "model is torch.Size([11008, 4096]).",
        "packed-4bit",
    ),
    (
        'Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "fc.weight", '
        '"fc.bias". \n\tUnexpected key(s) in state_dict: "fc.weight_g", "fc.weight_v", '
        '"fc.bias2". ',
        "parametrised-weight",
    ),
    ('Missing key(s) in state_dict: "fc1.weight", "fc1.bias".', "layers-missing"),
    (
        "Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "
        '"module.fc.weight", "module.fc.bias". \n\tUnexpected key(s) in state_dict: "fc.weight", '
        '"fc.bias". ',
        "prefix-expected",
    ),
    (
        'Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "fc.weight", '
        '"fc.bias". \n\tUnexpected key(s) in state_dict: "fc.scale", "fc.zero_point", '
        '"fc._packed_params.dtype", "fc._packed_params._packed_params". ',
        "quantised-checkpoint",
    ),
    (
        "Expected state_dict to be dict-like, got <class '__main__.Net'>.",
        "module-for-state-dict",
    ),
    ("'Net' object has no attribute 'copy'", "module-for-state-dict"),
    ("'OrderedDict' object is not callable", "state-dict-as-model"),
    ("'dict' object has no attribute 'eval'", "state-dict-as-model"),
    ("invalid load key, '<'.", "download-page"),
    ("invalid load key, 'v'.", "git-lfs-pointer"),
    ("invalid load key, '\\x08'.", "not-a-torch-file"),
    (
        "PytorchStreamReader failed reading zip archive: failed finding central directory",
        "file-damaged",
    ),
    (
        "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will "
        "likely succeed, but it can result in arbitrary code execution.\n\nUnsupported class "
        "numpy.core.multiarray.scalar",
        "global-not-allowed",
    ),
    ("Can't get attribute 'Net' on <module '__main__' from 'serve.py'>", "class-not-found"),
    ("[Errno 2] No such file or directory: 'model.pth'", "path-wrong"),
)
CONSTRUCTION = (
    (
        "empty(): argument 'size' must be tuple of ints, but found element of type float at pos 2",
        "float-width",
    ),
    (
        "empty(): argument 'size' (position 1) must be tuple of SymInts, but found element of type "
        "float at pos 1",
        "float-width",
    ),
    (
        "new() received an invalid combination of arguments - got (float, int), but "
        "expected one of:\n"
        " * (torch.device device)",
        "float-width",
    ),
    ("__init__() missing 1 required positional argument: 'out_features'", "argument-missing"),
    ("__init__() got an unexpected keyword argument 'in_feature'", "keyword-not-taken"),
    ("forward() takes 2 positional arguments but 3 were given", "too-many-inputs"),
    ("forward() takes 1 positional argument but 2 were given", "self-missing"),
    ("forward() missing 1 required positional argument: 'x'", "input-missing"),
    (
        "linear(): argument 'input' (position 1) must be Tensor, not BaseModelOutputWithPooling",
        "dict-input",
    ),
    ("<class 'int'> is not a Module subclass", "no-layer-in-sequential"),
    ("'Net' object has no attribute '_modules'", "no-super-init"),
    ("cannot assign module before Module.__init__() call", "no-super-init"),
    ("dropout probability has to be between 0 and 1, but got 1.5", "probability-out-of-range"),
    ("'DistributedDataParallel' object has no attribute 'fc'", "attribute-behind-wrapper"),
    ("type object 'Linear' has no attribute 'weight'", "class-not-instance"),
    ("'ResNet' object is not subscriptable", "layer-as-list"),
    ("unsupported operand type(s) for @: 'Tensor' and 'Linear'", "layer-in-arithmetic"),
)
QUOTED = (
    *(("dtype", *quoted) for quoted in DTYPES),
    *(("device", *quoted) for quoted in DEVICES),
    *(("state-dict", *quoted) for quoted in STATE_DICTS),
    *(("construction", *quoted) for quoted in CONSTRUCTION),
)


@pytest.mark.parametrize(("kind", "text", "cause"), QUOTED, ids=lambda text: text[:40])
def test_wordings_of_other_versions_and_devices_are_known(kind: str, text: str, cause: str) -> None:
    """The family is right, the cause stands first, and every cause has its words."""
    found = diagnose(text)
    assert isinstance(found, Diagnosis)
    assert found.kind == kind
    assert found.likely[0].name == cause, found
    for cause_ in found.likely:
        assert cause_.cause
        assert cause_.fix
        assert not any(text.endswith(".") for text in (cause_.cause, cause_.evidence, cause_.fix))
        assert "{" not in cause_.cause + cause_.evidence + cause_.fix


@pytest.mark.parametrize(
    "text",
    [
        "'DataFrame' object has no attribute 'appendd'",
        "'Namespace' object has no attribute 'lr'",
        "No such file or directory: 'train.csv'",
        "'dict' object has no attribute 'iteritems'",
        "greet() missing 1 required positional argument: 'name'",
    ],
)
def test_what_has_nothing_to_do_with_torch_is_nobodys(text: str) -> None:
    """Messages of Python that other libraries give too are not taken for torch's."""
    assert not isinstance(diagnose(text), Diagnosis)


def at(code: str) -> Facts:
    """Return an error that arose in this line of the reader's own code."""
    frame = Frame("/home/me/train.py", 7, "forward", code)
    return Facts("", "RuntimeError", "", (frame,))


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = self.fc1(x)", "x = x.float()"),
        ("y = self.fc1(batch.x)", "batch.x = batch.x.float()"),
        ("y = self.fc2(self.fc1(x))", "y = self.fc2(self.fc1(x).float())"),
        ("return self.fc(a + b)", "return self.fc((a + b).float())"),
        ("z = torch.mm(a, b)", "a = a.float()"),
        ("z = a @ b", "a = a.float()"),
        ("z = torch.einsum('ij,jk->ik', a, b)", "x = x.float()"),
        ("for x in loader:", "x = x.float()"),
        ("", "x = x.float()"),
    ],
)
def test_the_line_that_converts_is_written_with_the_readers_names(code: str, line: str) -> None:
    """A name is bound anew before the line; an expression is mended inside it."""
    assert converted(at(code), ".float()") == line


def test_the_second_operand_is_converted_where_it_is_the_odd_one() -> None:
    """Of a product of two tensors, the message tells which one differs."""
    assert operands(at("z = torch.bmm(a, b)")) == ("a", "b")
    assert converted(at("z = torch.bmm(a, b)"), ".float()", 1) == "b = b.float()"


@pytest.mark.parametrize(
    ("code", "layer"),
    [
        ("x = self.fc1(x)", "self.fc1"),
        ("y = net(x)", "net"),
        ("y = F.linear(x, w)", "model"),
        ("y = torch.mm(x, w)", "model"),
        ("loss.backward()", "model"),
        ("y = nn.Linear(3, 2)(x)", "model"),
    ],
)
def test_only_layers_are_offered_for_conversion(code: str, layer: str) -> None:
    """Functions of torch have no dtype or device to change."""
    assert called(at(code)) == layer


LAYER_MADE = """Traceback (most recent call last):
  File "/home/me/train.py", line 4, in <module>
    layer = nn.Linear(3, 2, dtype=torch.int)
  File "/usr/lib/python3/dist-packages/torch/nn/modules/linear.py", line 106, in __init__
    self.weight = Parameter(
RuntimeError: Only Tensors of floating point and complex dtype can require gradients
"""
SCALED = """Traceback (most recent call last):
  File "/home/me/train.py", line 4, in <module>
    x /= 2
RuntimeError: result type Float can't be cast to the desired output type Long
"""


@pytest.mark.parametrize(
    ("text", "cause"), [(LAYER_MADE, "integer-layer"), (SCALED, "in-place-keeps-dtype")]
)
def test_the_traceback_tells_what_the_message_alone_does_not(text: str, cause: str) -> None:
    """The same message has another cause where it arises elsewhere."""
    found = diagnose(text)
    assert isinstance(found, Diagnosis)
    assert found.kind == "dtype"
    assert found.likely[0].name == cause


def test_every_key_is_counted_however_many_there_are() -> None:
    """The evidence gives how many keys fit the cause, and how many there are."""
    keys = [f"layers.{number}.{leaf}" for number in range(6) for leaf in ("weight", "bias")]
    missing = ", ".join(f'"{key}"' for key in keys)
    unexpected = ", ".join(f'"module.{key}"' for key in keys)
    found = diagnose(
        "RuntimeError: Error(s) in loading state_dict for Net:\n"
        f"\tMissing key(s) in state_dict: {missing}. \n"
        f"\tUnexpected key(s) in state_dict: {unexpected}. "
    )
    assert isinstance(found, Diagnosis)
    assert found.likely[0].evidence == (
        '12 of 12 unexpected keys begin with "module." and are missing without it'
    )


@pytest.mark.parametrize(
    ("how", "weight", "entering", "counts", "name", "code"),
    [
        ("Given groups=1, weight of size", "4, 1, 3, 3", "1, 64, 28, 28", (1, 64),
         "channels-missing", "x = x.unsqueeze(1)"),
        ("Given groups=1, weight of size", "4, 1, 3, 3", "64, 3, 28, 28", (1, 3),
         "in-channels", "layer = nn.Conv2d(3, 4, 3, …)"),
        ("Given groups=2, weight of size", "4, 4, 3, 5", "4, 6, 9, 9", (8, 6),
         "in-channels", "layer = nn.Conv2d(6, 4, (3, 5), …, groups=2)"),
        ("Given transposed=1, weight of size", "16, 3, 2, 2", "4, 8, 5, 5", (16, 8),
         "in-channels", "layer = nn.ConvTranspose2d(8, 3, 2, …)"),
        ("Given groups=1, weight", "64, 3, 7, 7", "8, 1, 224, 224", (3, 1),
         "in-channels", "layer = nn.Conv2d(1, 64, 7, …)"),
    ],
)  # fmt: skip
def test_channels_that_a_convolution_does_not_take(
    how: str, weight: str, entering: str, counts: tuple[int, int], name: str, code: str
) -> None:
    """Of every kind of convolution, and where the batch is taken for the channels."""
    so = "" if "of size" in how else " so"
    text = (
        f"{how} [{weight}],{so} expected input[{entering}] to have {counts[0]} channels, but got"
        f" {counts[1]} channels instead"
    ).replace("weight [", "weight[" if so else "weight [")
    found = diagnose(text)
    assert isinstance(found, Diagnosis)
    assert (found.likely[0].name, found.likely[0].code) == (name, code)
