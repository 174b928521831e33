"""The only room that imports torch; it returns the records of the other rooms."""
