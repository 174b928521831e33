"""fcinspect from Python: in a program, a notebook, a test, and around a program that is run."""
