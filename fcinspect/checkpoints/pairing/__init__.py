"""Which tensors of a checkpoint are linear layers, and why the others are not."""
