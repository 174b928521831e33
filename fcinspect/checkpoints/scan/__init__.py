"""Statistics of every linear layer of a checkpoint, in one pass and bounded memory."""
