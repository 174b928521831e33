"""What decides where the causes of a known message depend on more than its words."""
