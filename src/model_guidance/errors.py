"""The one exception that a user's mistake raises."""


class UserError(Exception):
    """A mistake of the user's, in one sentence: which file, line or argument, and what would be right.

    The command line prints the sentence and exits with status 2; a caller from Python catches it as is.
    """
