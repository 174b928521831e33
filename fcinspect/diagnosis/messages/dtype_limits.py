"""Messages about what must be whole numbers, truth values or floating point."""

from __future__ import annotations

from fcinspect.diagnosis.messages.number_types import WORD
from fcinspect.diagnosis.messages.own_line import converting
from fcinspect.diagnosis.records import Cause, Pattern, known

INDICES = Cause(
    "float-indices",
    "The indices are in floating point: made by torch.tensor from floats, by a division, or "
    "converted with .float() together with the features",
    "the indices are {got}",
    "Convert the indices to whole numbers",
    "x = x.long()",
)
OBJECTS = Cause(
    "object-array",
    "The array holds Python objects: lists of different lengths, None, text or mixed columns of a "
    "table",
    "its dtype is {got}",
    "Give the array one numeric dtype first; rows of different lengths must be padded",
    "x = torch.from_numpy(a.astype(numpy.float32))",
)
LABELS = Cause(
    "text-array",
    "The array holds text, most often class names or a column of a table read as text",
    "its dtype is {got}",
    "Number the texts, or convert them to numbers",
    "_, y = numpy.unique(a, return_inverse=True)",
)
FLOATING = Cause(
    "integer-input",
    "The tensor holds integers or truth values, for which this operation has no result dtype",
    "the operation wants floating point or complex numbers",
    "Convert the tensor to floating point first",
    "x = x.float()",
)
MASK = Cause(
    "mask-not-bool",
    "The mask is a tensor of numbers, not of truth values",
    "the mask is {got}",
    "Convert the mask, or compare: mask == 0",
    "mask = mask.bool()",
)
INVERT = Cause(
    "bool-arithmetic",
    "A tensor of truth values is used as if it held numbers",
    "the operator - met a tensor of dtype torch.bool",
    "Invert a mask with ~, or convert it with .float() or .int() to compute with it",
    "mask = ~mask",
)

PATTERNS: tuple[Pattern, ...] = (
    converting(
        ".long()",
        known(
            "dtype",
            "Expected tensor for argument",
            r"Expected tensor for argument #\d+ '(?P<name>ind\w+|offsets|input)' to have (?:one of "
            r"the following )?scalar types?:? (?P<needed>(?:Long|Int)(?:, (?:Long|Int))*)[;,] but "
            rf"got (?:(?:\w+ )?instead )?(?P<got>{WORD})",
            "An embedding looks up rows by whole numbers, and the {name} are {got}.",
            INDICES,
        ),
    ),
    known(
        "dtype",
        "tensors used as indices must be",
        r"tensors used as indices must be (?P<needed>long[\w, ]*?) tensors",
        "A tensor was indexed with a tensor that holds no whole numbers or truth values.",
        Cause(
            "float-indices",
            "The index is a floating-point tensor, e.g. the result of a division",
            "indices must be {needed} tensors",
            "Convert the index to whole numbers, or compare for a mask",
            "index = index.long()",
        ),
    ),
    known(
        "dtype",
        "for index",
        r"(?P<operation>\w+)\(\): Expected (?:a )?(?:dtype )?(?P<needed>int64|int32/int64|"
        rf"int32 or int64|long tensor) for index(?:, but got (?P<got>{WORD}))?",
        "{operation} takes its index in {needed}, and the index has another dtype.",
        Cause(
            "float-indices",
            "The index is not a tensor of whole numbers in that dtype",
            "{operation} asks for {needed}",
            "Convert the index",
            "index = index.long()",
        ),
    ),
    known(
        "dtype",
        "can't convert np.ndarray of type",
        r"can't convert np\.ndarray of type (?P<got>numpy\.(?:str_|bytes_|datetime64|string_))",
        "A NumPy array of dtype {got} cannot become a tensor.",
        LABELS,
    ),
    known(
        "dtype",
        "can't convert np.ndarray of type",
        r"can't convert np\.ndarray of type (?P<got>numpy\.\w+)",
        "A NumPy array of dtype {got} cannot become a tensor.",
        OBJECTS,
    ),
    known(
        "dtype",
        "only accepts floating point or complex dtypes",
        r"nn\.Module\.to only accepts floating point or complex dtypes, but got desired "
        r"dtype=(?P<got>[\w.]+)",
        "A model was to be converted to {got}, and weights can only be in floating point.",
        Cause(
            "integer-layer",
            "The dtype given to model.to is an integer dtype, perhaps meant for the input",
            "the dtype asked for is {got}",
            "Convert the input, or quantise the model with a library for that",
            "x = x.to({got})",
        ),
    ),
    known(
        "dtype",
        "data set to a tensor that requires gradients",
        r"data set to a tensor that requires gradients must be floating point or complex dtype",
        "A weight was to be replaced by values of an integer dtype, and it needs gradients.",
        Cause(
            "integer-layer",
            "weight.data, or the model by model.type, was set to integers",
            "the message names the dtype only as neither floating point nor complex",
            "Store quantised values in a buffer, and keep the weight in floating point",
            'layer.register_buffer("weight_int8", weight_int8)',
        ),
    ),
    known(
        "dtype",
        "floating point",
        r"could not infer output dtype\..* Got: (?P<got>\w+)|std and var only support floating "
        r"point|Expected a floating point or complex tensor as input\. Got (?P<also>\w+)|"
        r"(?:mean|norm)\S*(?: only supports|: input dtype should be(?: either)?) floating[ -]point",
        "The operation has no meaning for integers or truth values, and that is what the tensor "
        "holds.",
        FLOATING,
    ),
    known(
        "dtype",
        "Expected attn_mask dtype",
        rf"Expected attn_mask dtype to be bool or (?:float or )?to match query dtype, but got "
        rf"attn_mask\.dtype: (?P<got>{WORD}) and",
        "Attention takes a mask of truth values or of numbers to add, and this one is {got}.",
        MASK,
    ),
    known(
        "dtype",
        "mask",
        rf"masked_\w+ only supports bool\w* masks, but got (?:mask with )?dtype (?P<got>{WORD})",
        "masked_fill takes a mask of truth values, and this one is {got}.",
        MASK,
    ),
    known(
        "dtype",
        "expected condition to be a boolean tensor",
        rf"expected condition to be a boolean tensor, but got a tensor with dtype (?P<got>{WORD})",
        "torch.where takes truth values as its condition, and this one is {got}.",
        MASK,
    ),
    known(
        "dtype",
        "bool tensor",
        r"(?:Subtraction|Negation), the `-` operator, (?:with|on) (?:a|two) bool tensors? "
        r"(?:is|are) not supported",
        "Truth values cannot be subtracted or negated with the operator -.",
        INVERT,
    ),
    known(
        "dtype",
        "Index put requires",
        rf"source and destination dtypes match, got (?P<kept>{WORD}) for the destination and "
        rf"(?P<got>{WORD}) for the source",
        "Values of {got} are to be written into places of a tensor of {kept}.",
        Cause(
            "written-values-dtype",
            "Assignment by index does not convert; under autocast or after numpy the new values "
            "have another dtype",
            "the tensor is {kept}, the new values are {got}",
            "Convert the new values",
            "x[index] = values.to(x.dtype)",
        ),
    ),
    known(
        "dtype",
        "Expected self.dtype to be equal to src.dtype",
        r"(?P<operation>\w+)\(\): Expected self\.dtype to be equal to src\.dtype",
        "{operation} writes the values of src into a tensor of another dtype and does not convert.",
        Cause(
            "written-values-dtype",
            "The tensor and src were made with different dtypes",
            "{operation} asks for one dtype",
            "Convert src",
            "src = src.to(x.dtype)",
        ),
    ),
    known(
        "dtype",
        "Expected out tensor to have dtype",
        rf"Expected out tensor to have dtype (?P<needed>{WORD}), but got (?P<got>{WORD}) instead",
        "The result has the dtype {needed}, and the tensor given as out= is {got}.",
        Cause(
            "out-dtype",
            "The tensor for out= was made with another dtype than the result has",
            "the result is {needed}, out is {got}",
            "Make out with the dtype of the operands, or leave out= away",
            "out = torch.empty(shape, dtype=x.dtype)",
        ),
    ),
    known(
        "dtype",
        "Got unsupported ScalarType",
        r"Got unsupported ScalarType (?P<got>\w+)",
        "NumPy has no dtype for {got}.",
        Cause(
            "no-numpy-dtype",
            "A tensor of {got} was to become a NumPy array",
            "the tensor is {got}, which NumPy does not have",
            "Convert the tensor to float32 first",
            "a = x.float().numpy()",
        ),
    ),
    known(
        "dtype",
        "must be torch.dtype, not",
        r"argument 'dtype'(?: \(position \d+\))? must be torch\.dtype, not (?P<got>[\w.]+)",
        "dtype= takes one of torch's dtypes, and got a {got}.",
        Cause(
            "numpy-dtype",
            "dtype= was given as a name or as a dtype of NumPy or Python",
            "it is of type {got}",
            "Write the dtype of torch",
            "dtype=torch.float32",
        ),
    ),
    known(
        "dtype",
        "get_mkldnn_dtype: unsupported data type",
        r"get_mkldnn_dtype: unsupported data type",
        "A layer that runs through oneDNN got a tensor of a dtype that oneDNN does not have.",
        Cause(
            "float64-input",
            "An input or an initial state (h0, c0) is in float64 or holds integers, most often "
            "because it comes from a NumPy array",
            "the message names no dtype; oneDNN computes in float32, bfloat16 and float16",
            "Convert the input and the initial states",
            "x, h0, c0 = x.float(), h0.float(), c0.float()",
        ),
    ),
)
