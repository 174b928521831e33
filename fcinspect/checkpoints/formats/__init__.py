"""Every format that layers are read from, without running anything in a file."""
