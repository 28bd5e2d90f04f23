"""TensorFlow's `resource_handle.proto`; where TensorFlow is installed, its own classes."""

from __future__ import annotations

from typing import Any

from seldon_core.proto import _classes

ResourceHandleProto: Any

__getattr__ = _classes.shared(globals(), "tensorflow.ResourceHandleProto")
