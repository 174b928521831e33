"""Pages of HTML that work: self-contained, from templates."""
