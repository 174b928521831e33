"""Bytes of files by their place, on this machine or behind a URI."""
