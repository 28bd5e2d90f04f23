//! `--check`: what would be served, or why not.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{PYTHON, command, command_in};

/// The value of a row of the table.
fn row<'a>(output: &'a str, name: &str) -> &'a str {
    let line = output.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no \"{name}\" in:\n{output}"));
    line[name.len()..].trim()
}

#[test]
fn prints_what_would_be_served_and_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = "class Both:\n\
                \x20   def __init__(self, size=1):\n\
                \x20       self.size = size\n\
                \x20   def load(self):\n\
                \x20       with open('loads', 'a') as file:\n\
                \x20           file.write('once ')\n\
                \x20   def predict(self, X, names):\n\
                \x20       return X\n\
                \x20   def route_raw(self, message):\n\
                \x20       return message\n\
                \x20   def init_metadata(self):\n\
                \x20       return {'name': 'both', 'versions': ['v7']}\n";
    std::fs::write(folder.path().join("Both.py"), text).unwrap();
    // A port that is in use does not matter.
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = command_in(folder.path(), "Both")
        .env("GRPC_WORKERS", "3")
        .args([
            "--check",
            "--workers",
            "2",
            "--threads",
            "4",
            "--host",
            "127.0.0.1",
        ])
        .args(["--service-type", "ROUTER", "--http-port", &port.to_string()])
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let output = &ended.output;
    assert_eq!(row(output, "component"), "Both.Both (ROUTER)");
    assert_eq!(row(output, "methods"), "predict, route (raw messages)");
    assert!(row(output, "metadata").contains(r#""both""#), "{output}");
    assert!(row(output, "metadata").contains("v7"), "{output}");
    assert_eq!(row(output, "REST"), format!("127.0.0.1:{port}"));
    assert_eq!(row(output, "gRPC"), "127.0.0.1:5000");
    assert_eq!(row(output, "probes"), "127.0.0.1:0");
    assert_eq!(
        row(output, "workers"),
        "REST: 2 processes with 4 threads each; gRPC: 3 processes with 4 threads each"
    );
    let loads = std::fs::read_to_string(folder.path().join("loads")).unwrap();
    assert_eq!(loads, "once ");
    assert!(!ended.log.contains("serving"), "{}", ended.log);
}

#[test]
fn component_that_does_not_load_is_the_error_of_a_start() {
    let flags = ["--check", "--worker-pool", "shared"];
    let ended = command("broken.BadLoad").args(flags).run().unwrap();
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""));
    assert!(ended.log.contains("the disk is on fire"), "{}", ended.log);
    let ended = command("broken.Fine").args(flags).run().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(row(&ended.output, "gRPC"), "off");
    assert_eq!(
        row(&ended.output, "workers"),
        "1 process with 10 threads, shared by both transports"
    );
}

#[test]
fn the_interpreter_is_described_and_a_missing_numpy_shown() {
    let ended = command("Scripted").args(["--check"]).run().unwrap();
    let python = row(&ended.output, "python");
    assert!(python.contains(", NumPy "), "{python}");
    // An interpreter that finds nothing that is installed.
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare");
    let script = format!("#!/bin/sh\nexec '{}' -I -S \"$@\"\n", PYTHON.display());
    std::fs::write(&bare, script).unwrap();
    std::fs::set_permissions(&bare, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bare = command("Scripted").env("STREELING_PYTHON", &bare);
    let ended = bare.clone().args(["--check"]).run().unwrap();
    let python = row(&ended.output, "python");
    assert!(python.ends_with(", no NumPy"), "{python}");
    assert!(row(&ended.output, "warning").starts_with("no NumPy in the environment of "));
    let server = bare.start().unwrap();
    server.wait_for_log(python);
    let line = server.wait_for_log("no NumPy in the environment of ");
    assert!(line.contains("WARN"), "{line}");
}
