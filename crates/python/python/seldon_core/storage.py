"""Brings a model's files to this machine."""

from __future__ import annotations

import glob
import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)

_LOCAL_PREFIX = "file://"


class Storage:
    """Where models are kept."""

    @staticmethod
    def download(uri: str, out_dir: str | None = None) -> str:
        """The folder, or the file, that holds what is at `uri`.

        A local path, with `file://` or without, is given back as it is, or linked into `out_dir`,
        which is made. What is elsewhere (`http(s)://`, `s3://`, `gs://`, Azure) is copied into
        `out_dir`, or into a new temporary folder. Archives that come over HTTP are unpacked.
        """
        logger.info("copying the contents of %s to %s", uri, out_dir or "where they may be")
        # An empty text is no path, but `Path` would take it for this folder.
        if uri.startswith(_LOCAL_PREFIX) or os.path.exists(uri):  # noqa: PTH110
            return Storage._download_local(uri, out_dir)
        import shutil
        import tempfile

        from . import _remote

        fetch = _remote.fetcher(uri)
        if fetch is None:
            raise ValueError(
                f"the storage of {uri!r} is unknown: it must be a path that exists, or begin with "
                f"one of {', '.join((_LOCAL_PREFIX, *_remote.PREFIXES))}"
            )
        own = out_dir is None
        folder = Path(tempfile.mkdtemp() if out_dir is None else out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            fetch(uri, urlsplit(uri), folder)
        except BaseException:
            if own:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        out_dir = str(folder) if out_dir is None else out_dir
        logger.info("copied %s to %s", uri, out_dir)
        return out_dir

    @staticmethod
    def _download_local(uri: str, out_dir: str | None = None) -> str:
        # Paths stay text from here on, without pathlib: what comes back is what the caller wrote.
        path = uri[len(_LOCAL_PREFIX) :] if uri.startswith(_LOCAL_PREFIX) else uri
        if not os.path.exists(path):  # noqa: PTH110
            raise RuntimeError(f"the local path {uri} does not exist")
        if out_dir is None:
            return path
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        # Hidden files stay behind, as a shell's `*` leaves them.
        sources = [path]
        if Path(path).is_dir():
            sources = glob.glob(os.path.join(glob.escape(path), "*"))  # noqa: PTH118, PTH207
        for source in sources:
            (Path(out_dir) / Path(source).name).symlink_to(source)
        return out_dir
