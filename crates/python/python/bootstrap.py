"""First code of a process, read from standard input: receives its modules over the control socket.

Nothing that the worker runs is on disk, so that one binary serves with any Python. This code runs
in `__main__`, where the component may look: it therefore leaves nothing behind. Below it stands the
call of `_bootstrap` with the number of that socket, which the server adds.
"""

from __future__ import annotations


def _bootstrap(control_number: int) -> None:
    import sys

    # The working directory is no place for modules, not even for the imports below. As for a
    # program that was installed with the interpreter, its folder comes first.
    if sys.path[:1] == [""]:
        sys.path[0] = sys.executable.rpartition("/")[0]

    import importlib.util
    import json
    import os
    import socket
    import struct
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
            # Tracebacks find the source by `get_source`.
            file = "<streeling>/" + name.replace(".", "/") + ".py"
            return compile(self.sources[name], file, "exec", dont_inherit=True)

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

    def close_inherited() -> None:
        """Closes what the server has itself inherited, from a shell for one: neither the component
        nor the programs that it starts have any use for it. What this interpreter has opened is
        marked, so that no other program inherits it."""
        try:
            with os.scandir("/dev/fd") as entries:
                numbers = [int(entry.name) for entry in entries]
        except OSError:
            return
        for number in numbers:
            try:
                if number > 2 and number != control_number and os.get_inheritable(number):
                    os.close(number)
            except OSError:
                # That of the list, which is gone.
                continue

    die_with_server()
    close_inherited()
    # This code came from there, and nothing more does.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    control = socket.socket(fileno=control_number)
    # Programs that the component starts must not keep it open.
    control.set_inheritable(False)

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
    # Also of `__file__`, for there is none: an interpreter that `multiprocessing` starts would look
    # for it.
    own = {name: globals().pop(name, None) for name in ("_bootstrap", "annotations", "__file__")}
    main.run(control, die_with_server)
    # Python itself removes it at the end.
    globals()["__file__"] = own["__file__"]
