"""The messages that are known, as text: one file a family. How they are written: see parsing."""
