"""What a report is made of, before any medium: blocks, numbers in words, names made harmless."""
