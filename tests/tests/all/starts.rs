//! Starts that fail: the message, the exit code, and what must not have happened before.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use streeling_testkit::Ended;

use crate::support::{PYTHON, SERVER, bare_command, command, root};

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
            "neither the folder",
            "tests/components",
            PYTHON.to_str().unwrap(),
        ],
    );
}

#[test]
fn absent_class() {
    let ended = failed("broken.Absent");
    says(
        &ended,
        &[
            "AttributeError: module 'broken' has no attribute 'Absent'",
            "broken.py) has no class Absent; its classes are BadConstructor, BadLoad",
        ],
    );
}

#[test]
fn name_of_a_file() {
    let ended = failed("Scripted.py");
    says(&ended, &["has no class py; is Scripted meant?"]);
    let ended = command("./Scripted.py").run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    says(&ended, &["interface_name", "is Scripted meant?"]);
}

/// It is served, as by seldon-core, which says nothing.
#[test]
fn class_whose_only_method_is_misspelt() {
    let server = command("broken.Misspelt").start().unwrap();
    let line = server.wait_for_log("broken.Misspelt defines no method that requests call");
    assert!(line.contains("WARN"), "{line}");
    assert!(line.contains("is predict meant by pred1ct?"), "{line}");
    let ended = command("broken.Misspelt").args(["--check"]).run().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for part in [
        "methods      none",
        "warning ",
        "is predict meant by pred1ct?",
    ] {
        assert!(ended.output.contains(part), "{}", ended.output);
    }
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
    let ended = command("Scripted")
        .env("STREELING_PYTHON", "/nowhere/python")
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(&ended, &["/nowhere/python", "--python", "STREELING_PYTHON"]);
}

/// Each is a wrong setting: one line, before any port is reserved and anything is loaded.
#[test]
fn interpreter_that_cannot_be_started() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("text"), "print()").unwrap();
    fs::create_dir(at("directory")).unwrap();
    let search = format!("{}:/usr/bin:/bin", folder.path().display());
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (variable, python, value, why) in [
        (
            "STREELING_PYTHON",
            "no-such-python".to_owned(),
            "no-such-python",
            "PATH has a file of this name",
        ),
        (
            "STREELING_PYTHON",
            "text".to_owned(),
            "text",
            "ermission denied",
        ),
        ("STREELING_PYTHON", at("text"), "text", "ermission denied"),
        (
            "STREELING_PYTHON",
            "directory".to_owned(),
            "directory",
            "is a directory",
        ),
        (
            "STREELING_PYTHON",
            "/dev/null/python".to_owned(),
            "/dev/null/python",
            "there is no such file",
        ),
        (
            "VIRTUAL_ENV",
            at("absent"),
            "absent/bin/python",
            "No such file",
        ),
    ] {
        for flags in [&[][..], &["--check"]] {
            let ended = bare_command(&root().join("tests/components"))
                .env("PATH", &search)
                .env(variable, &python)
                // It is in use, which is not found out.
                .args(["Scripted", "--http-port", &port])
                .args(flags)
                .run()
                .unwrap();
            assert_eq!(ended.code, Some(2), "{python}: {}", ended.log);
            assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
            says(&ended, &["--python", "STREELING_PYTHON", value, why]);
        }
    }
}

/// Only the system finds it, when it executes the file.
#[test]
fn interpreter_whose_own_interpreter_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python");
    fs::write(&python, "#!/nowhere/python\n").unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let ended = command("Scripted")
        .env("STREELING_PYTHON", &python)
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    says(
        &ended,
        &[
            "--python",
            python.to_str().unwrap(),
            "/nowhere/python",
            "No such file",
        ],
    );
    assert!(!ended.log.contains("serving"), "{}", ended.log);
}

#[test]
fn interpreter_that_is_none() {
    let command = command("Scripted").env("STREELING_PYTHON", "/bin/false");
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
fn port_lost_during_the_load_stops_the_workers_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let text = "import atexit, socket\n\
                class Thief:\n\
                \x20   def __init__(self, port):\n\
                \x20       self.socket = socket.socket()\n\
                \x20       self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
                \x20       self.socket.bind(('0.0.0.0', port))\n\
                \x20       self.socket.listen()\n\
                \x20       atexit.register(open, 'exited', 'w')\n";
    fs::write(folder.path().join("Thief.py"), text).unwrap();
    let free = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let parameters = format!(r#"[{{"name": "port", "value": "{port}", "type": "INT"}}]"#);
    let ended = bare_command(folder.path())
        .env("STREELING_PYTHON", &*PYTHON)
        .args(["Thief", "--http-port", &port, "--parameters", &parameters])
        .args(["--pidfile", "pid"])
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    says(&ended, &["component loaded", &port, "--http-port"]);
    assert!(folder.path().join("exited").exists(), "{}", ended.log);
    assert!(!folder.path().join("pid").exists());
}

#[test]
fn bad_setting_is_one_line() {
    let ended = command("Scripted")
        .args(["--threads", "many"])
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(
        &ended,
        &["--threads", "GUNICORN_THREADS", "many", "1 to 512"],
    );
    let ended = command("Scripted")
        .env("GUNICORN_WORKERS", "1025")
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(&ended, &["--workers", "GUNICORN_WORKERS", "0 to 1024"]);
}

#[test]
fn address_that_the_machine_does_not_have() {
    // From a block that is for documentation alone.
    let flags = ["--host", "192.0.2.1"];
    let ended = command("Scripted").args(flags).run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(&ended, &["192.0.2.1", "--host", "STREELING_HOST"]);
}

#[test]
fn folder_whose_name_is_not_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&path).unwrap();
    let command = command("Scripted").args([OsStr::new("--app-dir"), path.as_os_str()]);
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    says(&ended, &["--app-dir", "STREELING_APP_DIR", "not UTF-8"]);
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

#[test]
fn help_ends_with_examples_under_the_name_that_was_called() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["streeling", "seldon-core-microservice"] {
        let program = folder.path().join(name);
        symlink(&*SERVER, &program).unwrap();
        let ended = bare_command(root()).program(program).args(["--help"]);
        let text = ended.run().unwrap().output;
        let (_, examples) = text.split_once("\nExamples:\n").expect(&text);
        let lines = examples.lines();
        let commands = lines.filter(|line| line.starts_with(&format!("  {name} ")));
        assert_eq!(commands.count(), 3, "{examples}");
        let last = examples.lines().last().unwrap_or_default();
        assert!(last.starts_with("Documentation: https://"), "{examples}");
    }
}
