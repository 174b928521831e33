"""Charts of text: curves, bars and heat maps, in braille dots and half blocks or in ASCII."""
