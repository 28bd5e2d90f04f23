"""The messages of the protocol as protobuf classes, made from their descriptors when imported."""

from __future__ import annotations

from typing import Any

from . import _classes

DESCRIPTOR: Any
SeldonMessage: Any
DefaultData: Any
Tensor: Any
Meta: Any
Metric: Any
SeldonMessageList: Any
Status: Any
Feedback: Any
RequestResponse: Any
SeldonModelMetadataRequest: Any
SeldonMessageMetadata: Any
SeldonModelMetadata: Any
SeldonGraphMetadata: Any

_classes.build(globals(), "seldon.protos.SeldonMessage")
