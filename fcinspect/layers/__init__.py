"""The nouns: a linear layer, a network of them, and the specification 3-5-4-2."""
