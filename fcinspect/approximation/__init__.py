"""One-hidden-layer ReLU networks within a certified distance of a function."""
