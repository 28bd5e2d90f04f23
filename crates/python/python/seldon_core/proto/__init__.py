"""The protobuf messages of the protocol."""
