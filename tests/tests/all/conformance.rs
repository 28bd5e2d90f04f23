//! The golden suite: seldon-core's recorded responses, and the differences of
//! `tests/conformance/differences.toml`.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use streeling_testkit::{Group, ServerCommand, ServerError, Suite, Target, Transport};

use crate::support::{PYTHON, SERVER, STUBS, root};

/// Servers at once; most of a group's time is the start of a Python process.
const AT_ONCE: usize = 3;

/// The environment that the responses were recorded in.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("LANG", "C.UTF-8"),
    ("HOME", "/tmp"),
    ("TZ", "UTC"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONHASHSEED", "0"),
];

#[test]
fn responses_are_the_recorded_ones_except_for_the_listed_differences() {
    hold_against_the_golden_file(Transport::Rest);
}

#[test]
fn responses_to_the_stubs_of_seldon_core_are_the_recorded_ones() {
    hold_against_the_golden_file(Transport::Grpc);
}

fn hold_against_the_golden_file(transport: Transport) {
    let suite = Suite::load(root(), transport).unwrap();
    let groups = suite.groups();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lines = mismatches(&suite, transport, group);
                    found.lock().unwrap().extend(lines);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(
        found.is_empty(),
        "{} mismatches; recorded with {:?}, compared with {}:\n{}",
        found.len(),
        suite.recorded(),
        versions(),
        found.join("\n")
    );
}

fn mismatches(suite: &Suite, transport: Transport, group: &Group) -> Vec<String> {
    let mut command = ServerCommand::new(&*SERVER, suite.components())
        .env("STREELING_PYTHON", &*PYTHON)
        .args([&group.component])
        .args([
            "--http-port",
            "0",
            "--metrics-port",
            "0",
            "--grpc-port",
            "0",
            "--metrics-port",
            "0",
        ])
        .args(&group.flags);
    for (name, value) in ENVIRONMENT {
        command = command.env(name, value);
    }
    for (name, value) in &group.env {
        command = command.env(name, value);
    }
    let must_fail = suite.must_fail_to_start(group);
    match command.start() {
        Ok(_) if must_fail => vec![format!("{}: started, want a start that fails", group.id)],
        Ok(server) => {
            let target = match transport {
                Transport::Rest => Target::Rest(server.address()),
                Transport::Grpc => Target::Grpc(server.grpc_address(), &STUBS),
            };
            suite.check(group, target)
        }
        Err(ServerError::Exited { .. }) if must_fail => Vec::new(),
        Err(error) => vec![format!("{}: {error}", group.id)],
    }
}

/// Some texts are Python's and NumPy's own, and change with them.
fn versions() -> String {
    let code = "import platform, numpy; print(platform.python_version(), numpy.__version__)";
    let output = Command::new(&*PYTHON).args(["-c", code]).output().unwrap();
    let versions = String::from_utf8(output.stdout).unwrap();
    format!("Python and NumPy {}", versions.trim())
}
