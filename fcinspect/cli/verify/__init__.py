"""fcinspect verify: a verdict from derived bounds, and the name of the fault."""

COMMANDS = ("layer", "implementation", "optimizer", "output", "step", "example")
"""In the order of the help; each is the function of that name in the module of that name."""

HELP = "Prove a layer, a gradient or a step right, or name the fault."
