"""The messages of torch that are known, by family; each family is a tuple of patterns."""
