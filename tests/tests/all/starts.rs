//! Starts that fail: what is said, with which exit code, and what was left undone.

use std::net::TcpListener;

use streeling_testkit::Ended;

use crate::support::{PYTHON, bare_command, command, root};

fn failed(component: &str) -> Ended {
    let ended = command(component).run().unwrap();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert_eq!(ended.output, "");
    assert!(!ended.log.contains("serving REST"), "{}", ended.log);
    ended
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.log.contains(part), "no \"{part}\" in:\n{}", ended.log);
    }
}

#[test]
fn missing_module() {
    let ended = failed("nowhere.Model");
    says(
        &ended,
        &[
            "Traceback",
            "ModuleNotFoundError",
            "No module named 'nowhere'",
        ],
    );
}

#[test]
fn absent_class() {
    let ended = failed("broken.Absent");
    says(
        &ended,
        &["AttributeError: module 'broken' has no attribute 'Absent'"],
    );
}

#[test]
fn constructor_that_raises() {
    let ended = failed("broken.BadConstructor");
    says(
        &ended,
        &["Traceback", "broken.py", "RuntimeError", "no model file"],
    );
}

#[test]
fn load_that_raises() {
    let ended = failed("broken.BadLoad");
    says(
        &ended,
        &["Traceback", "broken.py", "OSError", "the disk is on fire"],
    );
}

#[test]
fn missing_interpreter() {
    let ended = command("Orders")
        .env("STREELING_PYTHON", "/nowhere/python")
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(&ended, &["/nowhere/python", "--python", "STREELING_PYTHON"]);
}

#[test]
fn interpreter_that_is_none() {
    let command = command("Orders").env("STREELING_PYTHON", "/bin/false");
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    says(&ended, &["the worker ended", "exit status: 1"]);
}

#[test]
fn port_in_use_is_found_before_any_worker_starts() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("imported");
    let start = || {
        bare_command(&root().join("tests/components"))
            .env("STREELING_PYTHON", &*PYTHON)
            .env("MARKER", &marker)
            .args(["broken.Fine"])
    };
    let ended = start().args(["--http-port", &port]).run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    says(
        &ended,
        &[&port, "--http-port", "PREDICTIVE_UNIT_HTTP_SERVICE_PORT"],
    );
    assert!(!marker.exists(), "the component was imported");
    drop(taken);
    // The same start on another port does import it.
    let server = start().args(["--http-port", "0"]).start().unwrap();
    assert!(marker.exists());
    drop(server);
}

#[test]
fn bad_setting_is_one_line() {
    let ended = command("Orders").args(["--threads", "many"]).run().unwrap();
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(
        &ended,
        &["--threads", "GUNICORN_THREADS", "many", "1 to 512"],
    );
    let ended = command("Orders")
        .env("GUNICORN_WORKERS", "0")
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(&ended, &["--workers", "GUNICORN_WORKERS", "1 to 1024"]);
}

#[test]
fn help_and_version_are_on_the_output() {
    let folder = root();
    for flag in ["--help", "--version"] {
        let ended = bare_command(folder).args([flag]).run().unwrap();
        assert_eq!((ended.code, ended.log.as_str()), (Some(0), ""));
        assert!(ended.output.contains("streeling"), "{}", ended.output);
    }
}
