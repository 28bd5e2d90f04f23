"""Unpacks a Python as the Go module go-embed-python packs it: usage: unpack_python.py FROM TO.

FROM holds `files.json`, a list of names with permissions, symbolic links as their targets, and the
files, those that it calls compressed as `NAME.gz`.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path


def unpack(source: Path, target: Path) -> None:
    """Writes every file below `target`, which is emptied first."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    files = json.loads((source / "files.json").read_text())["files"]
    for file in files:
        path = target / file["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = source / file["name"]
        if "symlink" in file:
            path.symlink_to(file["symlink"])
        elif file.get("compressed"):
            path.write_bytes(gzip.decompress(packed.with_name(packed.name + ".gz").read_bytes()))
            path.chmod(file["perm"] & 0o777)
        elif packed.is_file():
            path.write_bytes(packed.read_bytes())
            path.chmod(file["perm"] & 0o777)
        else:
            path.mkdir(exist_ok=True)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
