"""Kinds of what a clean-up lists. Nothing heavy: the command line's help needs them."""

from enum import StrEnum


class DisusedKind(StrEnum):
    """Kind of what nobody has needed for a while."""

    UPLOADS = "uploads"
    CHECKPOINTS = "checkpoints"
    OUTPUTS = "outputs"


USUAL = (DisusedKind.UPLOADS, DisusedKind.CHECKPOINTS)
"""Outputs hold results: they are looked at only where somebody names them."""
