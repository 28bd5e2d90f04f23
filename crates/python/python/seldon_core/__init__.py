"""What components import from `seldon_core`, for images that do not have the real package.

It is used only when no other importer finds `seldon_core`, and holds only the interface that
components are written against.
"""
