"""Every file that holds layers, read and written without running anything in it."""
