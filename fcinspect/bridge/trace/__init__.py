"""A run of somebody's module, step by step, on the meta device or the CPU."""
