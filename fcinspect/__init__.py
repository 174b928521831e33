"""See every multiply-add of a linear layer, and prove it right."""

__version__ = "0.1.0"
