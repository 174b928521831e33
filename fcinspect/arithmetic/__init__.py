"""The closed forms, each beside its gradient."""
