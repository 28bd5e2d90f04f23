"""First code of a worker, run as `python -c`: receives its modules over the control socket.

Nothing of the worker is on disk, so that one binary serves with any Python. This code runs in
`__main__`, where the component may look: it therefore leaves nothing behind.
"""

from __future__ import annotations


def _bootstrap() -> None:
    import importlib.util
    import json
    import linecache
    import socket
    import struct
    import sys
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    class Importer:
        """Finds the modules of the `package` frame that no other importer finds."""

        def __init__(self, sources: dict[str, str]) -> None:
            self.sources = sources

        def find_spec(self, name: str, path: object = None, target: object = None) -> object:
            if name not in self.sources:
                return None
            package = any(other.startswith(name + ".") for other in self.sources)
            file = "<streeling>/" + name.replace(".", "/") + ".py"
            # mypy wants an `importlib.abc.Loader`; the import system only calls what is here.
            spec = ModuleSpec(name, self, origin=file, is_package=package)  # type: ignore[arg-type]
            spec.has_location = False
            return spec

        def create_module(self, spec: ModuleSpec) -> None:
            return None

        def exec_module(self, module: ModuleType) -> None:
            exec(self.get_code(module.__name__), module.__dict__)

        def get_code(self, name: str) -> CodeType:
            source = self.sources[name]
            file = "<streeling>/" + name.replace(".", "/") + ".py"
            linecache.cache[file] = (len(source), None, source.splitlines(True), file)
            return compile(source, file, "exec", dont_inherit=True)

        def get_source(self, name: str) -> str:
            return self.sources[name]

        def is_package(self, name: str) -> bool:
            return any(other.startswith(name + ".") for other in self.sources)

    def die_with_server() -> None:
        if sys.platform != "linux":
            return
        try:
            import ctypes

            # PR_SET_PDEATHSIG, SIGKILL. The control socket ends as well, but a component that hangs
            # in C code with the interpreter lock would not notice it.
            ctypes.CDLL(None).prctl(1, ctypes.c_ulong(9))
        except (ImportError, OSError, AttributeError):
            # An interpreter without ctypes, or a sandbox: the end of the socket must do.
            return

    die_with_server()
    control = socket.socket(fileno=int(sys.argv[1]))
    data = [socket.socket(fileno=int(number)) for number in sys.argv[2:]]
    for sock in (control, *data):
        # Programs that the component starts must not keep them open.
        sock.set_inheritable(False)

    def receive(size: int) -> bytes:
        parts = []
        while size:
            part = control.recv(min(size, 1 << 20))
            if not part:
                sys.exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    length, kind = struct.unpack_from("<QB", receive(32))
    if kind != 1:
        sys.exit(f"the first frame must be of kind 1 (package), not {int(kind)}")
    importer = Importer(json.loads(receive(length)))
    # As above: it has the methods of a finder, not the base class.
    sys.meta_path.append(importer)  # type: ignore[arg-type]
    sys.argv[:] = ["streeling"]

    name = "streeling_worker.main"
    if importlib.util.find_spec(name) is None:
        sys.exit("the package frame has no module " + name)
    main = importlib.import_module(name)
    for name in ("_bootstrap", "annotations"):
        globals().pop(name, None)
    main.run(control, data)


_bootstrap()
