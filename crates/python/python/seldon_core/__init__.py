"""What components import from `seldon_core`, for images that do not have the real package.

It is imported where seldon-core is not installed, or is installed and cannot be imported. It holds
what components are written against: the base class, the exceptions, the conversions between
messages and arrays, the messages themselves. Clients and seldon-core's own server are left out;
importing one of these says what to install.

Nothing here imports NumPy, protobuf, gRPC, Flask or TensorFlow before it is needed.
"""

from __future__ import annotations

from . import storage, version
from .storage import Storage
from .version import __version__

__all__ = ["Storage", "__version__", "storage", "version"]
