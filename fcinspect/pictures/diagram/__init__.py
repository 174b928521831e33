"""The diagram of a network: labels, in text, in points, and as graphs."""
