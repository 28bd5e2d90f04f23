"""Classes that fail to load. The import leaves a file behind, named by `MARKER`."""

from __future__ import annotations

import os
from pathlib import Path

if "MARKER" in os.environ:
    Path(os.environ["MARKER"]).touch()


class BadConstructor:
    def __init__(self) -> None:
        raise RuntimeError("no model file")


class BadLoad:
    def load(self) -> None:
        raise OSError("the disk is on fire")


class Fine:
    pass


class Misspelt:
    def pred1ct(self, X: object, names: object) -> object:
        return X
