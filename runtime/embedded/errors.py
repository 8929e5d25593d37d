"""What can keep the embedded parts from running."""

from models.errors import Unavailable


class StackFailed(Unavailable):
    """The embedded parts can't run here; one line says why and what to change."""
