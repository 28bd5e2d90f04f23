"""Models that are elsewhere: over HTTP, and in object stores by the packages that know them."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Iterator
from urllib.parse import SplitResult, unquote, urlsplit

Fetch = Callable[[str, SplitResult, Path], None]

_AZURE_HOST = ".blob.core.windows.net"
# Seconds for which a server may send nothing.
_SILENCE = 60


def fetcher(uri: str) -> Fetch | None:
    """What copies `uri` into a folder."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        azure = (parts.hostname or "").endswith(_AZURE_HOST)
        return _azure if azure else _http
    return _FETCHERS.get(parts.scheme)


def _http(uri: str, parts: SplitResult, folder: Path) -> None:
    """One file, which is unpacked if it is an archive."""
    import tempfile
    from urllib.request import urlopen

    name = PurePosixPath(unquote(parts.path)).name or "index.html"
    # Beside the folder's own files, so that half a file is never taken for a whole one, and an
    # archive may hold a file of its own name.
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        file = Path(scratch, name)
        with urlopen(uri, timeout=_SILENCE) as response, file.open("wb") as opened:
            shutil.copyfileobj(response, opened)
        if not _unpack(file, folder):
            file.replace(folder / name)


def _unpack(archive: Path, folder: Path) -> bool:
    if archive.suffix == ".zip" and zipfile.is_zipfile(archive):
        # It keeps members within the folder by itself.
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        return True
    if archive.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        with tarfile.open(archive) as tar:
            # One by one: where a member leads depends on the links that were made before it.
            for member in _within(tar, folder):
                if hasattr(tarfile, "data_filter"):
                    tar.extract(member, folder, filter="data")
                else:
                    tar.extract(member, folder)
        return True
    return False


def _within(tar: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """The members, none of which may lead out of the folder."""
    top = folder.resolve()
    for member in tar:
        targets = [top / member.name]
        if member.issym():
            targets.append((top / member.name).parent / member.linkname)
        elif member.islnk():
            targets.append(top / member.linkname)
        elif not (member.isfile() or member.isdir()):
            raise ValueError(
                f"the archive holds {member.name}, which is neither a file nor a folder"
            )
        for target in targets:
            resolved = target.resolve()
            if resolved != top and top not in resolved.parents:
                raise ValueError(f"the archive holds {member.name}, outside the target folder")
        yield member


def _s3(uri: str, parts: SplitResult, folder: Path) -> None:
    if _by_fsspec(uri, folder):
        return
    try:
        import boto3
    except ImportError as error:
        raise _missing(uri, "s3fs (with fsspec) or boto3", error) from None
    # As the storage initializer of the deployment takes it from its secret.
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("S3_ENDPOINT")
    if endpoint and "://" not in endpoint:
        secure = os.environ.get("S3_USE_HTTPS", "1") not in ("0", "false")
        endpoint = ("https://" if secure else "http://") + endpoint
    bucket = boto3.resource("s3", endpoint_url=endpoint).Bucket(parts.netloc)
    prefix = parts.path.lstrip("/")
    names = {found.key: found for found in bucket.objects.filter(Prefix=prefix)}
    for name, target in _targets(uri, prefix, names, folder):
        bucket.download_file(name, str(target))


def _gs(uri: str, parts: SplitResult, folder: Path) -> None:
    if _by_fsspec(uri, folder):
        return
    try:
        from google.auth import exceptions
        from google.cloud import storage
    except ImportError as error:
        raise _missing(uri, "gcsfs (with fsspec) or google-cloud-storage", error) from None
    try:
        client = storage.Client()
    except exceptions.DefaultCredentialsError:
        # A public bucket needs none.
        client = storage.Client.create_anonymous_client()
    prefix = parts.path.lstrip("/")
    blobs = client.bucket(parts.netloc).list_blobs(prefix=prefix)
    names = {blob.name: blob for blob in blobs}
    for name, target in _targets(uri, prefix, names, folder):
        names[name].download_to_filename(str(target))


def _azure(uri: str, parts: SplitResult, folder: Path) -> None:
    # CONTAINER@ACCOUNT.…, or the container alone and the account from the environment.
    container, _, host = parts.netloc.partition("@")
    prefix = parts.path.lstrip("/")
    if parts.scheme == "https":
        host = parts.netloc
        container, _, prefix = prefix.partition("/")
    account = host.partition(".")[0]
    place = f"{container}@{account}.dfs.core.windows.net" if account else container
    if _by_fsspec(f"abfs://{place}/{prefix}", folder):
        return
    try:
        from azure.storage.blob import BlobServiceClient
    except ImportError as error:
        raise _missing(uri, "adlfs (with fsspec) or azure-storage-blob", error) from None
    connection = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if connection:
        service: Any = BlobServiceClient.from_connection_string(connection)
    else:
        account = account or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
        service = BlobServiceClient(
            f"https://{account}{_AZURE_HOST}", credential=_azure_credential()
        )
    client = service.get_container_client(container)
    names = {blob.name: blob for blob in client.list_blobs(name_starts_with=prefix)}
    for blob, target in _targets(uri, prefix, names, folder):
        with target.open("wb") as file:
            client.download_blob(blob).readinto(file)


def _azure_credential() -> Any:
    """A key or a token of the environment; without one, what azure-identity finds."""
    for name in ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        if os.environ.get(name):
            return os.environ[name]
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        return None
    return DefaultAzureCredential()


def _by_fsspec(uri: str, folder: Path) -> bool:
    """Copies by fsspec, if that is there and knows the storage."""
    try:
        import fsspec

        files, path = fsspec.core.url_to_fs(uri)
    except ImportError:
        # fsspec itself, or its package for this storage.
        return False
    except ValueError as error:
        if "not known" in str(error).lower():
            return False
        raise
    path = path.rstrip("/")
    names = dict.fromkeys(files.find(path))
    for name, target in _targets(uri, path, names, folder):
        files.get_file(name, str(target))
    return True


def _targets(
    uri: str, prefix: str, names: dict[str, Any], folder: Path
) -> Iterator[tuple[str, Path]]:
    """Where each object goes: the one of that very name, or all below it."""
    prefix = prefix.rstrip("/")
    below = f"{prefix}/" if prefix else ""
    chosen = {prefix: PurePosixPath(prefix).name} if prefix in names else {}
    chosen.update(
        (name, name[len(below) :])
        for name in names
        # A name that ends with a slash stands for a folder.
        if name.startswith(below) and not name.endswith("/")
    )
    if not chosen:
        raise RuntimeError(f"there is nothing at {uri}")
    top = folder.resolve()
    for name, relative in chosen.items():
        target = (top / relative).resolve()
        if top not in target.parents:
            raise ValueError(f"the name {name} leads out of the folder {folder}")
        target.parent.mkdir(parents=True, exist_ok=True)
        yield name, target


def _missing(uri: str, packages: str, error: ImportError) -> ImportError:
    return ImportError(f"{uri} needs the package {packages} beside the component ({error})")


_FETCHERS: dict[str, Fetch] = {
    "s3": _s3,
    "gs": _gs,
    "gcs": _gs,
    "az": _azure,
    "azure": _azure,
    "abfs": _azure,
    "abfss": _azure,
    "wasb": _azure,
    "wasbs": _azure,
}

PREFIXES = ("http://", "https://", *(f"{scheme}://" for scheme in _FETCHERS))
