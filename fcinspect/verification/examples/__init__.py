"""Published worked examples: reading them, recomputing them, and naming slips."""
