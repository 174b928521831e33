"""Shape rules and the traces they give."""
