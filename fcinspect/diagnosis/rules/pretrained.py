"""Products whose numbers are widths of well-known pretrained models: parts of two are combined."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fcinspect.diagnosis.catalogue.parsing import tables
from fcinspect.diagnosis.records import Decision, Pick, counted, pick

TOKENS = 77
"""Tokens of a CLIP text encoder's output."""
POOLED = 1280
"""Width of the larger text encoder's pooled vector in SDXL; 256 more for each size condition."""
CONDITION = 256
CONDITIONS = {2816: 6, 2560: 5}
"""Width of what SDXL's first label layer takes -> its size conditions; 5 are the refiner's."""
FEW_ROWS = 16
"""More rows than that are tokens, not pooled vectors."""
UNET_OUT = {320, 640, 1280}
"""Widths of the attentions of Stable Diffusion's UNets."""
TRANSFORMER_OUT = {
    4096: {1152, 1536, 2304, 2432, 3072, 3840, 5120, 6144},
    3584: {3072},
    2560: {3840},
}
"""Width of a text encoder -> the widths of diffusion transformers that take it."""
LATENTS = {64: "the plain model", 128: "a control model", 384: "the fill model"}
"""What Flux's first layer takes: 16 channels of 2×2 latents, alone or beside conditions."""
GRIDS = (14, 16, 24, 26, 27, 37)
"""Sides of the usual grids of patches."""
USUAL_OUT = {2048, 4096, 6144, 8192, 12288, 16384, 5120, 3072, 1024, 768}
"""Widths that image features are projected to."""


@cache
def widths(table: str) -> dict[int, str]:
    """Return a table of names.toml, width -> whose it is."""
    return {int(width): name for width, name in tables()[table].items()}


def parts(rows: int, width: int, wanted: int, out: int) -> Decision | None:
    """mat1 and mat2 shapes cannot be multiplied (77x768 and 2048x640)"""
    if width == wanted:
        return None
    rules: tuple[Callable[[int, int, int, int], Pick | None], ...] = (
        *(_conditions, _pooled, _stacked, _latents, _unet, _transformer, _images, _tokens),
    )
    for rule in rules:
        found = rule(rows, width, wanted, out)
        if found is not None:
            happened = (
                f"{counted(rows, 'row')} of {width:,} features arrive, and the weight, of a"
                f" pretrained model by its widths, takes {wanted:,} and gives {out:,}."
            )
            return Decision(found, happened=happened)
    return None


def _conditions(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """The vector of pooled text and sizes that SDXL's first label layer takes."""
    conditions = CONDITIONS.get(wanted)
    if conditions is None or out not in (1280, 1536):
        return None
    given, rest = divmod(width - POOLED, CONDITION)
    if rest or not 0 <= given <= 9:
        name = widths("texts").get(width, "another encoder")
        return pick("wrong-text-encoder/two", conditions=conditions, given=name)
    refiner = {2560: "; five are those of the refiner", 2816: "; six are those of the base"}
    told = refiner.get(width, "") or refiner[wanted] if 2560 in (width, wanted) else ""
    mend = "pass add_time_ids of shape (batch, 6): original size, crop and target size of each row"
    if width in CONDITIONS:
        mend = "load the checkpoint that the pipeline is made for: the base, or the refiner"
    return pick(
        "size-conditions-differ", conditions=conditions, given=given, refiner=told, mend=mend
    )


def _pooled(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """Pooled vectors of text."""
    if rows > FEW_ROWS:
        return None
    if wanted == 2048 and out in (1536, 2432) and width in (768, 1280):
        return pick("wrong-text-encoder/half")
    known = widths("texts")
    if wanted == 768 and out == 3072 and width in (512, 1024, 1280, 2048, 4096):
        return pick("wrong-text-encoder/pooled", needed="CLIP ViT-L", given=known[width])
    return None


def _stacked(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """Hidden states of several layers of one text encoder, side by side."""
    stacks: dict[int, str] = {}
    for product, name in tables()["stacks"].items():
        layers, each = map(int, product.split("·"))
        stacks.setdefault(layers * each, f"{layers * each:,} = {layers}·{each:,}, as of {name}")
    texts = widths("texts")
    if wanted not in stacks or not (width in stacks or width in texts) or out < 2048:
        return None
    given = stacks.get(width) or f"{width:,} is the width of {texts[width]}"
    return pick("hidden-states-to-stack", numbers=f"the weight takes {stacks[wanted]}; {given}")


def _latents(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """The first layer of Flux."""
    if out != 3072 or not {width, wanted} <= LATENTS.keys():
        return None
    large, small = max(width, wanted), min(width, wanted)
    numbers = (
        f"{large} = {large // small}·{small}: {LATENTS[wanted]} takes {wanted} numbers a patch"
    )
    return pick(
        "latents-of-another-variant",
        numbers=f"{numbers}, and {width}, as of {LATENTS[width]}, arrive",
        needed=f"{LATENTS[wanted]} wants its own conditioning (a control image, an image to fill)"
        if wanted > width
        else "without the conditioning of a control or fill model",
    )


def _between(name: str, rows: int, width: int, given: str, needed: str) -> Pick:
    batch, rest = divmod(rows, TOKENS)
    counted = f"{rows:,} rows" if rest else f"{rows} = {batch}·{TOKENS} tokens"
    if rows == 1:
        counted = "1 row"
    arriving = f"{counted} of {width:,} numbers"
    verb = "arrives" if rows == 1 else "arrive"
    return pick(name, arriving=arriving, given=given, needed=needed, verb=verb)


def _unet(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """The attention of a UNet to a text."""
    unets, texts = widths("unets"), widths("texts")
    if wanted not in unets or out not in UNET_OUT or width not in texts or width < 768:
        return None
    if rows <= FEW_ROWS:
        return None
    given = unets.get(width) or texts[width]
    return _between("wrong-text-encoder", rows, width, given, unets[wanted])


def _transformer(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """The projection of a text in a diffusion transformer."""
    texts = widths("texts")
    if out not in TRANSFORMER_OUT.get(wanted, ()) or width not in texts:
        return None
    return _between("wrong-text-encoder", rows, width, texts[width], texts[wanted])


def _images(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """Features of images: projected ones, or a grid of patches with or without a class token."""
    known = widths("projections")
    if rows <= FEW_ROWS and {width, wanted} <= known.keys() and out in USUAL_OUT and out > 2048:
        return _between("wrong-image-encoder", rows, width, known[width], known[wanted])
    visions = widths("visions")
    for side in GRIDS:
        for tokens, sum_ in ((side**2 + 1, f"{side}² + 1"), (side**2, f"{side}²")):
            if tokens == 256:
                continue  # as many as a usual batch has
            if rows % tokens == 0 and {width, wanted} <= visions.keys() and out >= 1024:
                found = _between(
                    "wrong-image-encoder", rows, width, visions[width], visions[wanted]
                )
                counted = f"{tokens:,} = {sum_} patches{' and a class' * ('+' in sum_)}"
                batch = "" if rows == tokens else f", for {rows // tokens} images,"
                arriving = f"{counted}{batch} of {width:,} numbers"
                return pick(found.name, **{**found.values, "arriving": arriving})
    return None


def _tokens(rows: int, width: int, wanted: int, out: int) -> Pick | None:
    """The tokens of CLIP."""
    texts = {**widths("texts"), 1536: "a text encoder", 2432: "a text encoder", 3072: "T5"}
    if rows % TOKENS or not {width, wanted} <= texts.keys():
        return None
    return _between("wrong-text-encoder", rows, width, texts[width], texts[wanted])
