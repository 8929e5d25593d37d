"""Errors of the embedded servers."""

from models.errors import Unavailable


class StackFailed(Unavailable):
    """The embedded servers can't run here; the message is one line with the cause and the remedy."""
