"""Whether TensorFlow is there, which is imported only when it is used."""

from __future__ import annotations

import importlib.util
import logging
import sys
from typing import Any

from ._lazy import getter

logger = logging.getLogger(__name__)


def _tensorflow_is_there() -> bool:
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"] is not None
    return importlib.util.find_spec("tensorflow") is not None


def tensorflow() -> Any:
    """TensorFlow, or an error that says what needs it."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            f"a tftensor needs the package tensorflow ({error})", name="tensorflow"
        ) from None
    return tf


_TF_PRESENT = _tensorflow_is_there()


__getattr__ = getter(globals(), {"make_ndarray": "tensorflow:make_ndarray"} if _TF_PRESENT else {})
