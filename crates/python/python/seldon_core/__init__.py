"""What components import from `seldon_core`, for images that do not have the real package.

It is offered only when no other importer finds `seldon_core`, and holds nothing but the interface
that components are written against.
"""
