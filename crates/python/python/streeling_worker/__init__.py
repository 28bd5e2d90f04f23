"""The Python side of the worker protocol: calls a component, knows no transport.

It sits between the server process, which starts it, and the component, a class that the user
wrote. The frames are described in `PROTOCOL.md`. What a message looks like to a client is decided
by the server process.
"""
