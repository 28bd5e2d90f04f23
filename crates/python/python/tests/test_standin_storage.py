from __future__ import annotations

import contextlib
import functools
import http.server
import io
import sys
import tarfile
import tempfile
import threading
import types
import unittest
import zipfile
from pathlib import Path
from typing import Any, Iterator
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seldon_core import Storage

# What a bucket holds; the last is a folder that a browser of buckets made.
OBJECTS = {
    "models/iris/model.bin": b"weights",
    "models/iris/sub/labels.txt": b"labels",
    "models/iris-2/model.bin": b"another",
    "models/iris/": b"",
}
PACKAGES = ("fsspec", "boto3", "google.cloud", "google.auth", "azure.storage.blob", "azure")


def content(folder: str) -> dict[str, bytes]:
    """The files below a folder."""
    top = Path(folder)
    return {
        str(file.relative_to(top)): file.read_bytes() for file in top.rglob("*") if file.is_file()
    }


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a log."""

    def log_message(self, *args: Any) -> None:
        pass


class WithFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.target = str(self.top / "new/target")


class OverHttp(WithFolder):
    def setUp(self) -> None:
        super().setUp()
        self.served = self.top / "served"
        self.served.mkdir()
        handler = functools.partial(QuietHandler, directory=str(self.served))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"

    def tar(self, name: str, *members: tarfile.TarInfo) -> None:
        with tarfile.open(self.served / name, "w:gz" if name.endswith("gz") else "w") as opened:
            for member in members:
                body = b"data" if member.isfile() else b""
                member.size = len(body)
                opened.addfile(member, io.BytesIO(body))

    def test_a_file(self) -> None:
        (self.served / "my model.bin").write_bytes(b"weights")
        found = Storage.download(f"{self.url}/my%20model.bin?version=1", self.target)
        self.assertEqual(found, self.target)
        self.assertEqual(content(found), {"my model.bin": b"weights"})

    def test_into_a_temporary_folder(self) -> None:
        (self.served / "model").write_bytes(b"weights")
        found = Storage.download(f"{self.url}/model")
        self.assertEqual(content(found), {"model": b"weights"})
        (Path(found) / "model").unlink()
        Path(found).rmdir()

    def test_archives_are_unpacked(self) -> None:
        with zipfile.ZipFile(self.served / "model.zip", "w") as opened:
            opened.writestr("sub/model.bin", "weights")
        self.tar("model.tar.gz", tarfile.TarInfo("sub/model.bin"))
        self.tar("model.tar", tarfile.TarInfo("model.bin"))
        for name, expected in (
            ("model.zip", {"sub/model.bin": b"weights"}),
            ("model.tar.gz", {"sub/model.bin": b"data"}),
            ("model.tar", {"model.bin": b"data"}),
        ):
            with self.subTest(name=name):
                found = Storage.download(f"{self.url}/{name}", f"{self.target}-{name}")
                self.assertEqual(content(found), expected)

    def test_nothing_is_unpacked_outside_of_the_folder(self) -> None:
        up, absolute = tarfile.TarInfo("../escaped"), tarfile.TarInfo(f"{self.top}/escaped")
        link, device = tarfile.TarInfo("link"), tarfile.TarInfo("device")
        link.type, link.linkname = tarfile.SYMTYPE, "../../.."
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "../escaped"
        device.type = tarfile.CHRTYPE
        for number, member in enumerate((up, absolute, link, hard, device)):
            with self.subTest(member=member.name):
                self.tar(f"{number}.tar", tarfile.TarInfo("first"), member)
                with self.assertRaisesRegex(ValueError, member.name):
                    Storage.download(f"{self.url}/{number}.tar", f"{self.target}{number}")
        self.assertFalse((self.top / "escaped").exists())
        self.assertFalse((self.top / "new/escaped").exists())

    def test_links_that_lead_out_together(self) -> None:
        """None of them leads out by itself, before the others are there."""
        down = [tarfile.TarInfo(name) for name in ("a/b/c", "a/b/c/esc")]
        for link, target in zip(down, ("../..", "../../..")):
            link.type, link.linkname = tarfile.SYMTYPE, target
        self.tar("links.tar", *down, tarfile.TarInfo("esc/pwned"))
        with contextlib.ExitStack() as stack:
            # Older Pythons have no filter that would find it, too; newer ones need theirs.
            if sys.version_info < (3, 14):
                stack.enter_context(mock.patch.object(tarfile, "data_filter", create=True))
                del tarfile.data_filter
            stack.enter_context(self.assertRaisesRegex(ValueError, "esc"))
            Storage.download(f"{self.url}/links.tar", self.target)
        self.assertEqual(list(self.top.rglob("pwned")), [])

    def test_an_archive_may_hold_a_file_of_its_own_name(self) -> None:
        self.tar("model.tar", tarfile.TarInfo("model.tar"))
        found = Storage.download(f"{self.url}/model.tar", self.target)
        self.assertEqual(content(found), {"model.tar": b"data"})

    def test_what_is_not_there(self) -> None:
        with self.assertRaisesRegex(OSError, "404"):
            Storage.download(f"{self.url}/none", self.target)
        self.assertEqual(content(self.target), {})

    def test_a_folder_of_our_own_goes_when_there_is_nothing_for_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder, "own")
            own.mkdir()
            made = mock.patch("tempfile.mkdtemp", return_value=str(own))
            with made, self.assertRaisesRegex(OSError, "404"):
                Storage.download(f"{self.url}/none")
            self.assertFalse(own.exists())


class ObjectStores(WithFolder):
    """The packages that know them, as modules of their shape."""

    def setUp(self) -> None:
        super().setUp()
        self.calls: list[Any] = []

    @contextlib.contextmanager
    def installed(self, **modules: Any) -> Iterator[None]:
        found: dict[str, Any] = dict.fromkeys(PACKAGES)
        found.update((name.replace("_", "."), module) for name, module in modules.items())
        with mock.patch.dict(sys.modules, found):
            yield

    def download(self, uri: str) -> dict[str, bytes]:
        found = Storage.download(uri, self.target)
        self.assertEqual(found, self.target)
        return content(found)

    def fsspec(self, missing: bool = False) -> Any:
        test = self

        class Files:
            def find(self, path: str) -> list[str]:
                return [name for name in OBJECTS if name.startswith(path) and name[-1] != "/"]

            def get_file(self, name: str, target: str) -> None:
                Path(target).write_bytes(OBJECTS[name])

        def url_to_fs(uri: str) -> tuple[Files, str]:
            test.calls.append(uri)
            if missing:
                raise ImportError("Install s3fs to access S3")
            return Files(), uri.split("://")[1].replace("@account.dfs.core.windows.net", "")

        return types.SimpleNamespace(core=types.SimpleNamespace(url_to_fs=url_to_fs))

    def boto3(self) -> Any:
        class Bucket:
            def __init__(self, name: str) -> None:
                self.name = name
                self.objects = self

            def filter(self, Prefix: str) -> list[Any]:
                names = [f"{name}" for name in self._keys() if name.startswith(Prefix)]
                return [types.SimpleNamespace(key=name) for name in names]

            def download_file(self, name: str, target: str) -> None:
                Path(target).write_bytes(OBJECTS[f"{self.name}/{name}"])

            def _keys(self) -> list[str]:
                return [name.split("/", 1)[1] for name in OBJECTS if name.startswith(self.name)]

        def resource(kind: str, endpoint_url: str | None) -> Any:
            self.calls.append((kind, endpoint_url))
            return types.SimpleNamespace(Bucket=Bucket)

        return types.SimpleNamespace(resource=resource)

    def test_a_folder_by_fsspec(self) -> None:
        expected = {"model.bin": b"weights", "sub/labels.txt": b"labels"}
        with self.installed(fsspec=self.fsspec()):
            for scheme in ("s3", "gs"):
                self.target = f"{self.top}/{scheme}"
                self.assertEqual(self.download(f"{scheme}://models/iris"), expected)
                self.assertEqual(self.download(f"{scheme}://models/iris/"), expected)

    def test_one_object(self) -> None:
        expected = {"model.bin": b"weights"}
        with self.installed(fsspec=self.fsspec()):
            self.assertEqual(self.download("s3://models/iris/model.bin"), expected)

    def test_azure_by_fsspec(self) -> None:
        expected = {"model.bin": b"weights", "sub/labels.txt": b"labels"}
        for uri in (
            "https://account.blob.core.windows.net/models/iris",
            "wasbs://models@account.blob.core.windows.net/iris",
            "abfss://models@account.dfs.core.windows.net/iris",
            "azure://models/iris",
        ):
            with self.subTest(uri=uri), self.installed(fsspec=self.fsspec()):
                self.assertEqual(self.download(uri), expected)
        place = "abfs://models@account.dfs.core.windows.net/iris"
        self.assertEqual(self.calls, [place, place, place, "abfs://models/iris"])

    def test_s3_by_boto3(self) -> None:
        expected = {"model.bin": b"weights", "sub/labels.txt": b"labels"}
        environments: list[dict[str, str]] = [
            {},
            {"AWS_ENDPOINT_URL": "http://minio:9000"},
            {"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"},
            {"S3_ENDPOINT": "minio:9000"},
        ]
        for environment in environments:
            with mock.patch.dict("os.environ", environment), self.installed(boto3=self.boto3()):
                self.assertEqual(self.download("s3://models/iris"), expected)
        with self.installed(fsspec=self.fsspec(missing=True), boto3=self.boto3()):
            self.assertEqual(self.download("s3://models/iris"), expected)
        self.assertEqual(
            [call for call in self.calls if isinstance(call, tuple)],
            [
                ("s3", None),
                ("s3", "http://minio:9000"),
                ("s3", "http://minio:9000"),
                ("s3", "https://minio:9000"),
                ("s3", None),
            ],
        )

    def test_gs_by_its_own_package(self) -> None:
        calls = self.calls

        class NoCredentials(Exception):
            pass

        class Blob:
            def __init__(self, name: str) -> None:
                self.name = name.split("/", 1)[1]
                self.whole = name

            def download_to_filename(self, target: str) -> None:
                Path(target).write_bytes(OBJECTS[self.whole])

        class Client:
            def __init__(self, anonymous: bool = False) -> None:
                if not anonymous:
                    raise NoCredentials
                calls.append("anonymous")

            @classmethod
            def create_anonymous_client(cls) -> Client:
                return cls(anonymous=True)

            def bucket(self, name: str) -> Any:
                def list_blobs(prefix: str) -> list[Blob]:
                    return [Blob(key) for key in OBJECTS if key.startswith(f"{name}/{prefix}")]

                return types.SimpleNamespace(list_blobs=list_blobs)

        cloud = types.SimpleNamespace(storage=types.SimpleNamespace(Client=Client))
        exceptions = types.SimpleNamespace(DefaultCredentialsError=NoCredentials)
        auth = types.SimpleNamespace(exceptions=exceptions)
        with self.installed(google_cloud=cloud, google_auth=auth):
            found = self.download("gs://models/iris")
        self.assertEqual(found, {"model.bin": b"weights", "sub/labels.txt": b"labels"})
        self.assertEqual(calls, ["anonymous"])

    def test_azure_by_its_own_package(self) -> None:
        calls = self.calls

        class Container:
            def __init__(self, name: str) -> None:
                self.name = name

            def list_blobs(self, name_starts_with: str) -> list[Any]:
                prefix = f"{self.name}/{name_starts_with}"
                names = [key.split("/", 1)[1] for key in OBJECTS if key.startswith(prefix)]
                return [types.SimpleNamespace(name=name) for name in names]

            def download_blob(self, name: str) -> Any:
                body = OBJECTS[f"{self.name}/{name}"]
                return types.SimpleNamespace(readinto=lambda file: file.write(body))

        class Service:
            def __init__(self, url: str, credential: Any) -> None:
                calls.append((url, credential))

            def get_container_client(self, name: str) -> Container:
                return Container(name)

            @classmethod
            def from_connection_string(cls, text: str) -> Service:
                return cls(text, None)

        blob = types.SimpleNamespace(BlobServiceClient=Service)
        expected = {"model.bin": b"weights", "sub/labels.txt": b"labels"}
        uri = "https://account.blob.core.windows.net/models/iris"
        environments: list[dict[str, str]] = [
            {},
            {"AZURE_STORAGE_ACCOUNT_KEY": "key"},
            {"AZURE_STORAGE_CONNECTION_STRING": "text"},
        ]
        for environment in environments:
            modules = {"azure": types.ModuleType("azure"), "azure_storage_blob": blob}
            modules["azure_storage"] = types.ModuleType("azure.storage")
            with mock.patch.dict("os.environ", environment), self.installed(**modules):
                self.assertEqual(self.download(uri), expected)
        account = "https://account.blob.core.windows.net"
        self.assertEqual(calls, [(account, None), (account, "key"), ("text", None)])

    def test_nothing_there(self) -> None:
        with self.installed(fsspec=self.fsspec()), self.assertRaisesRegex(RuntimeError, "nothing"):
            self.download("s3://models/none")

    def test_a_missing_package_is_named(self) -> None:
        for uri, packages in (
            ("s3://a/b", "s3fs .* or boto3"),
            ("gs://a/b", "gcsfs .* or google-cloud-storage"),
            ("https://a.blob.core.windows.net/c/d", "adlfs .* or azure-storage-blob"),
            ("abfs://c/d", "adlfs .* or azure-storage-blob"),
        ):
            with self.subTest(uri=uri), self.installed():
                with self.assertRaisesRegex(ImportError, packages):
                    self.download(uri)
                with self.assertRaisesRegex(ImportError, uri):
                    self.download(uri)

    def test_an_unknown_storage(self) -> None:
        for uri in ("ftp://a/b", "nowhere", ""):
            with self.assertRaisesRegex(ValueError, "file://.*https://.*s3://.*gs://"):
                self.download(uri)


if __name__ == "__main__":
    unittest.main()
