"""The reports of `show`, and of `create`: one layer, or a list of them."""
