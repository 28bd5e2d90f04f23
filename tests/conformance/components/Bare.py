"""A class without a single method."""


class Bare:
    """Every call meets an absent method."""
