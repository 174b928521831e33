"""Messages about a device that is not there, is full, or has another name."""

from __future__ import annotations

from fcinspect.diagnosis.messages.own_line import converting
from fcinspect.diagnosis.records import Cause, Pattern, known

CHOOSE = 'device = "cuda" if torch.cuda.is_available() else "cpu"\nmodel = model.to(device)'
CPU_BUILD = Cause(
    "cpu-build",
    "The installed torch is the build for CPUs, which cannot use a GPU whatever the machine has",
    "the message says that CUDA support is not in this build",
    "Install the build for your CUDA version, or choose the device by what is there",
    CHOOSE,
)
NO_GPU = Cause(
    "no-gpu",
    "The machine has no GPU that torch can see: none is there, its driver is missing, or "
    "CUDA_VISIBLE_DEVICES hides it",
    "torch asked the driver and found none",
    "Check nvidia-smi and CUDA_VISIBLE_DEVICES, or choose the device by what is there",
    CHOOSE,
)
SMALLER = Cause(
    "batch-too-large",
    "The activations of a batch, kept for backward, do not fit beside weights, gradients and "
    "optimizer state",
    "{asked} were asked for when the memory was full",
    "Make the batch smaller and accumulate gradients over several",
    "loader = DataLoader(data, batch_size=8)",
)
GRAPHS = Cause(
    "graph-kept",
    "Losses or outputs are collected together with their graphs, or evaluation runs without "
    "torch.no_grad()",
    "memory that grows from step to step speaks for it; the message alone does not show it",
    "Collect numbers, and evaluate without gradients",
    "total += loss.item()\nwith torch.no_grad():\n    y = model(x)",
)
SEEN_LATER = (
    "CUDA runs later than Python: the traceback may show another line than the one at fault"
)

PATTERNS: tuple[Pattern, ...] = (
    known(
        "device",
        "not compiled with",
        r"[Tt]orch not compiled with (?P<what>\w+) (?:enabled|support)",
        "A tensor or model was to go to a {what} device, and this torch was built without {what}.",
        CPU_BUILD,
    ),
    known(
        "device",
        "is not linked with support for",
        r"PyTorch is not linked with support for (?P<what>\w+) devices",
        "A tensor or model was to go to a device of type {what}, and this torch was built without "
        "support for it.",
        Cause(
            "device-not-in-build",
            "The installed torch has no support for {what}, e.g. mps on a machine that is no Mac",
            "the message names {what}",
            "Choose the device by what is there",
            CHOOSE,
        ),
    ),
    known(
        "device",
        "when none is available",
        r"Cannot access accelerator device when none is available",
        "A GPU or another accelerator was asked for, and torch finds none.",
        NO_GPU,
    ),
    known(
        "device",
        "No CUDA GPUs are available",
        r"No CUDA GPUs are available",
        "A CUDA device was asked for, and torch finds none.",
        NO_GPU,
    ),
    known(
        "device",
        "Found no NVIDIA driver",
        r"Found no NVIDIA driver on your system",
        "A CUDA device was asked for, and there is no NVIDIA driver.",
        NO_GPU,
    ),
    known(
        "device",
        "CUDA is not available",
        r"CUDA is not available(?: or torch_xla is imported)?\.",
        "Mixed precision for CUDA was asked for, and torch finds no CUDA device; it is switched "
        "off.",
        NO_GPU,
    ),
    known(
        "device",
        "ATen_cuda library",
        r"Cannot (?:initialize CUDA|get CUDA generator) without ATen_cuda library",
        "Something of CUDA was asked for, and this torch was built without CUDA.",
        CPU_BUILD,
    ),
    known(
        "device",
        "to deserialize object on",
        r"Attempting to deserialize object on (?:a )?(?P<what>\w+) device (?:\d+ )?but "
        r"(?P<found>[\w.() ]+?(?:is False|is \d+))",
        "The checkpoint was saved from tensors on {what}, and {found} here.",
        Cause(
            "map-location-missing",
            "The checkpoint remembers the device it was saved from, and this machine lacks that "
            "device",
            "{found}",
            "Say where the tensors shall go when loading",
            'state = torch.load("checkpoint.pt", map_location="cpu")',
        ),
    ),
    known(
        "device",
        "device string",
        r"Expected one of (?P<those>[\w, ]+?) device type at start of device string: (?P<got>\S+)",
        "{got!r} is no name of a device.".replace("{got!r}", '"{got}"'),
        Cause(
            "device-name",
            "The device is misspelt: NVIDIA and AMD GPUs are cuda, Apple's mps, in small letters",
            'the name given is "{got}"',
            "Write one of the names torch knows",
            'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
        ),
    ),
    known(
        "device",
        "Invalid device string",
        r"Invalid device string: '?(?P<got>[^'\n]+)'?",
        '"{got}" is no name of a device.',
        Cause(
            "device-name",
            "The number of a device stands behind a colon, without spaces, and dtypes are not "
            "given as text",
            'the name given is "{got}"',
            "Write the kind of device, a colon and its number",
            'device = torch.device("cuda:0")',
        ),
    ),
    known(
        "device",
        "invalid device ordinal",
        r"invalid device ordinal",
        "A GPU was asked for by a number that this machine does not have.",
        Cause(
            "device-number",
            "The number is too large for the GPUs that are visible, which are counted from 0",
            "the driver refused the number",
            "Count the GPUs, and take a number below that",
            'print(torch.cuda.device_count())\nmodel = model.to("cuda:0")',
        ),
    ),
    converting(
        ".cpu()",
        known(
            "device",
            "device type tensor to numpy",
            r"can't convert (?P<what>[\w:]+) device type tensor to numpy",
            "A tensor on {what} was to become a NumPy array, and NumPy computes on the CPU.",
            Cause(
                "numpy-of-gpu-tensor",
                "The result was not brought back to the CPU first",
                "the tensor is on {what}",
                "Leave the graph and come back to the CPU first: x.detach().cpu().numpy()",
            ),
        ),
    ),
    known(
        "device",
        "Placeholder storage has not been allocated on MPS",
        r"Placeholder storage has not been allocated on MPS device!?",
        "A tensor that is not on the MPS device was to be computed with others that are.",
        Cause(
            "input-on-cpu",
            "The model is on mps and the input was left on the CPU",
            "the message names MPS, and a tensor without memory there",
            "Move the input to mps",
            'x = x.to("mps")',
        ),
        Cause(
            "model-on-cpu",
            "The input is on mps and the model, or one part of it, was left on the CPU",
            "the message does not tell which tensor it is",
            "Move the model to mps",
            'model = model.to("mps")',
        ),
    ),
    known(
        "device",
        "doesn't support float64",
        r"(?P<what>MPS) framework doesn't support float64",
        "A float64 tensor was to go to {what}, which has no float64.",
        Cause(
            "float64-on-mps",
            "The tensor comes from NumPy, whose default dtype is float64",
            "the tensor is float64",
            "Convert to float32 before the tensor is moved",
            'x = x.float().to("mps")',
        ),
    ),
    known(
        "device",
        "device type for generator",
        r"Expected an? '?(?P<needed>\w+)'? device type for generator but found '?(?P<got>\w+)'?",
        "Random numbers were to be drawn on {needed} with a generator of {got}.",
        Cause(
            "generator-device",
            "The generator was made for {got}, or torch.set_default_device changed where tensors "
            "are made but not the generator (of a DataLoader that shuffles)",
            "the generator is of {got}, the tensor on {needed}",
            "Make the generator on the device of the tensor",
            'generator = torch.Generator(device="{needed}")',
        ),
    ),
    known(
        "device",
        "out of memory",
        r"(?P<what>CUDA|HIP|MPS|XPU)(?: error:| backend)? out of memory"
        r"(?:.*?[Tt]ried to allocate (?P<asked>[\d.]+ \w+))?",
        "The memory of the {what} device is full.",
        SMALLER,
        GRAPHS,
    ),
    known(
        "device",
        "can't allocate memory",
        r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory): you tried to allocate "
        r"(?P<asked>\d+) bytes",
        "A tensor of {asked} bytes was to be made, and the machine has not that much memory free.",
        Cause(
            "layer-too-large",
            "A layer or tensor is larger than meant; nn.Linear takes in_features × out_features "
            "numbers of 4 bytes in float32",
            "{asked} bytes were asked for at once",
            "Check the in_features and out_features, or make the batch smaller",
        ),
    ),
    known(
        "device",
        "CUBLAS_STATUS_",
        r"(?P<what>CUBLAS_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED|EXECUTION_FAILED|INTERNAL_ERROR))",
        "A matrix product on the GPU stopped with {what}. " + SEEN_LATER + ".",
        Cause(
            "gpu-memory-full",
            "The memory of the GPU is full, and the library for products got none",
            "{what} is most often what a full memory looks like",
            "Make the batch smaller",
            "loader = DataLoader(data, batch_size=8)",
        ),
        Cause(
            "index-out-of-range",
            "An operation before it failed: labels or token ids that are too large",
            "an earlier failure shows only at a later operation",
            "Run once on the CPU, which names the place",
            'y = model.to("cpu")(x.to("cpu"))',
        ),
    ),
    known(
        "device",
        "CUBLAS_STATUS_",
        r"(?P<what>CUBLAS_STATUS_\w+)",
        "A matrix product on the GPU stopped with {what}. " + SEEN_LATER + ".",
        Cause(
            "shape-mismatch-on-gpu",
            "The sizes of the product do not fit, or dtypes differ, which older versions of torch "
            "noticed only on the GPU",
            "{what} is most often a refused size",
            "Run once on the CPU, whose message names both shapes",
            'y = model.to("cpu")(x.to("cpu"))',
        ),
        Cause(
            "index-out-of-range",
            "An operation before it failed: labels or token ids that are too large",
            "an earlier failure shows only at a later operation",
            "Compare the largest index with the size of the table",
            "print(x.max(), model.embedding.num_embeddings)",
        ),
    ),
    known(
        "device",
        "no kernel image is available",
        r"no kernel image is available for execution on the device",
        "This torch was built for other kinds of GPU than the one in the machine.",
        Cause(
            "gpu-not-in-build",
            "The GPU is newer or older than those this build of torch was compiled for",
            "the build holds no code for this GPU",
            "Install a torch built for this GPU; torch.cuda.get_arch_list() shows what it has",
            "print(torch.cuda.get_arch_list(), torch.cuda.get_device_capability())",
        ),
    ),
)
