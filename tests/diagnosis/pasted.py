"""Tracebacks of one error, as notebooks of several ages print them."""

from __future__ import annotations

PACKAGES = "~/env/lib/python3.11/site-packages/torch/nn/modules"
ERROR = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x1568 and 2048x128)"
RULE = "-" * 75
HEAD = f"{RULE}\nRuntimeError                              Traceback (most recent call last)\n"
OWN = """\
     15 # now the linear layer
---> 16 y = self.fc1(x)
     17 return y
"""

IPYTHON_7 = f"""{HEAD}<ipython-input-4-fb6558c070ab> in <module>
      1 x = torch.zeros(4, 3, 28, 28)
----> 2 out = net(x)

{PACKAGES}/module.py in _call_impl(self, *input, **kwargs)
    725             result = self._slow_forward(*input, **kwargs)
    726         else:
--> 727             result = self.forward(*input, **kwargs)
    728         for hook in itertools.chain(

~/my project/net.py in forward(self, x)
{OWN}
{PACKAGES}/linear.py in forward(self, input)
    132         Runs the forward pass.
    133         \"\"\"
--> 134         return F.linear(input, self.weight, self.bias)

{ERROR}
"""

IPYTHON_8 = f"""{HEAD}Input In [4], in <cell line: 2>()
      1 x = torch.zeros(4, 3, 28, 28)
----> 2 out = net(x)

File {PACKAGES}/module.py:1789, in Module._call_impl(self, *args, **kwargs)
   1787         or _global_backward_pre_hooks or _global_backward_hooks
   1788         or _global_forward_hooks or _global_forward_pre_hooks):
-> 1789     return forward_call(*args, **kwargs)
   1791 result = None

File ~/my project/net.py:16, in Net.forward(self, x)
{OWN}
File {PACKAGES}/linear.py:134, in Linear.forward(self, input)
    130 def forward(self, input: Tensor) -> Tensor:
--> 134     return F.linear(input, self.weight, self.bias)

{ERROR}
"""

IPYTHON_9 = IPYTHON_8.replace("Input In [4], in <cell line: 2>()", "Cell In[4], line 2")

COLOURED = (
    IPYTHON_9.replace(
        "Cell In[4], line 2", "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[4]\x1b[39m, line 2"
    )
    .replace("--->", "\x1b[92m--->\x1b[39m")
    .replace("self", "\x1b[38;5;148;43mself\x1b[39;49m")
    .replace("RuntimeError", "\x1b[91mRuntimeError\x1b[39m")
)

CELLS = {
    "<ipython-input-4-fb6558c070ab>": IPYTHON_7.replace(
        "~/my project/net.py in", "<ipython-input-4-fb6558c070ab> in"
    ),
    "/tmp/ipykernel_17/1234.py": IPYTHON_7.replace(
        "~/my project/net.py in", "/tmp/ipykernel_17/1234.py in"
    ),
    "Input In [2]": IPYTHON_8.replace("File ~/my project/net.py:16, in", "Input In [2], in"),
    "Cell In[2]": IPYTHON_9.replace("File ~/my project/net.py:16, in", "Cell In[2], line 16, in"),
    "<command-4012>": IPYTHON_9.replace(
        "File ~/my project/net.py:16, in", "File <command-4012>:16, in"
    ),
}
"""The own line stands in a cell: of IPython 7, of Kaggle, of IPython 8 and 9, of Databricks."""
