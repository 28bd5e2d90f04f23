"""A subclass of seldon-core's base class that defines nothing."""

from seldon_core.user_model import SeldonComponent


class ShimBare(SeldonComponent):
    """Every method is inherited."""
