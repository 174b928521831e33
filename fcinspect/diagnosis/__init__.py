"""Error messages of torch around linear layers: what happened, why, and the line to write."""
