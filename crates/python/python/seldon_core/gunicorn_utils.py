"""Only the real package has it."""

from ._lazy import left_out

left_out(__name__)
