"""What could not be looked at."""


class NotExercised(Exception):
    """Why something could not be looked at, in words for the reader."""
