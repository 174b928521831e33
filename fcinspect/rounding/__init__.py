"""Number formats, exact sums, and the bounds on what rounding can do."""
