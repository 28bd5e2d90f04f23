"""The Python side of the worker protocol: calls a component, knows no transport.

It sits between the front, which starts it and owns both ends of every socket, and the component,
a class that the user wrote. The frames are described in `PROTOCOL.md`. What a message looks like
to a client, the names `t:0`, tags of the request and the rest are the front's business.
"""
