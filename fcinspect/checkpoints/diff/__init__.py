"""What changed between two checkpoints, layer by layer, and how."""
