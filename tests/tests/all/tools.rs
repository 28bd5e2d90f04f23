//! `streeling compare` and `streeling test`, as an operator runs them.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use streeling_testkit::{Ended, Server};
use tempfile::TempDir;

#[cfg(target_os = "linux")]
use crate::support::SERVER;
use crate::support::{bare_command, command_in};

const CONTRACT: &str = r#"{
    "features": [
        {"name": "x", "ftype": "continuous", "dtype": "FLOAT", "range": [0, 1], "repeat": 2}
    ],
    "targets": [{"name": "y", "ftype": "continuous", "dtype": "FLOAT", "range": [0, 2]}]
}"#;

/// A server whose class returns `expression`, over REST and gRPC.
fn serve(folder: &TempDir, class: &str, expression: &str) -> Server {
    let text = format!(
        "class {class}:\n\
         \x20   def predict(self, X, names):\n\
         \x20       return {expression}\n"
    );
    std::fs::write(folder.path().join(format!("{class}.py")), text).unwrap();
    command_in(folder.path(), class)
        .env("GRPC_WORKERS", "1")
        .args(["--grpc-port", "0"])
        .start()
        .unwrap()
}

fn both(server: &Server) -> String {
    format!("{},grpc://{}", server.address(), server.grpc_address())
}

fn run(folder: &Path, arguments: &[&str]) -> Ended {
    bare_command(folder).args(arguments).run().unwrap()
}

#[test]
fn equal_servers_are_found_equal_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("contract.json"), CONTRACT).unwrap();
    let make = ["compare", "--make-from", "contract.json", "--count", "20"];
    let made = run(folder.path(), &make);
    assert_eq!(
        (made.code, made.output.lines().count()),
        (Some(0), 20),
        "{}",
        made.log
    );
    std::fs::write(folder.path().join("requests"), &made.output).unwrap();

    let one = serve(&folder, "One", "X.sum(axis=1)");
    let same = serve(&folder, "Same", "X.sum(axis=1)");
    let near = serve(&folder, "Near", "X.sum(axis=1) * (1 + 1e-6)");
    let compare = |new: &Server, flags: &[&str]| {
        let (old, new) = (both(&one), both(new));
        let arguments = [&["compare", &old, &new, "requests"], flags].concat();
        run(folder.path(), &arguments)
    };

    let pages = [
        "--html",
        "page.html",
        "--markdown",
        "page.md",
        "--concurrency",
        "3",
    ];
    let ended = compare(&same, &pages);
    assert_eq!(ended.code, Some(0), "{} {}", ended.output, ended.log);
    assert!(
        ended.output.contains("No difference: 20 of 20"),
        "{}",
        ended.output
    );
    let page = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("page.html").contains("<svg "));
    assert!(page("page.md").contains("| Model/Predict |"));

    let ended = compare(&near, &[]);
    assert_eq!(ended.code, Some(1), "{} {}", ended.output, ended.log);
    // Feedback has no method, and so the same empty response.
    assert!(
        ended.output.contains("16 of 20 responses differ"),
        "{}",
        ended.output
    );
    let ended = compare(&near, &["--tolerance", "1e-5"]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.output, ended.log);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let line = "{\"path\":\"/predict\",\"json\":{\"data\":{\"ndarray\":[[1]]}}}\n";
    std::fs::write(folder.path().join("requests"), line).unwrap();
    std::fs::write(folder.path().join("bad"), format!("{line}{{\"odd\":1}}\n")).unwrap();
    let server = serve(&folder, "One", "X");
    let here = server.address().to_string();
    // Bound, so that no other server listens there; closed again, so that it refuses.
    let refusing = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let grpc = format!("http://{}", server.grpc_address());
    let rest = format!("{here},grpc://{here}");
    std::fs::write(folder.path().join("call"), "{\"call\":\"Model/Predict\"}\n").unwrap();
    for (arguments, what) in [
        (
            ["compare", &here, &refusing.to_string(), "requests"],
            "the new server: no REST at",
        ),
        (
            ["compare", &grpc, &here, "requests"],
            "the old server: no REST at",
        ),
        (
            ["compare", &rest, &rest, "call"],
            "the old server: no gRPC at",
        ),
        (
            ["compare", &here, &here, "call"],
            "no address for them: add ,grpc://HOST:PORT",
        ),
        (
            ["compare", &here, "nowhere", "requests"],
            "must be HOST:PORT",
        ),
        (
            ["compare", &here, &here, "bad"],
            "bad: line 2: unknown field `odd`",
        ),
        (["compare", &here, &here, "absent"], "cannot read absent"),
        (
            ["test", "requests", "127.0.0.1", "9"],
            "requests: missing field `features`",
        ),
    ] {
        let ended = run(folder.path(), &arguments);
        assert_eq!(
            ended.code,
            Some(2),
            "{arguments:?}: {} {}",
            ended.output,
            ended.log
        );
        assert!(ended.log.contains(what), "{arguments:?}: {}", ended.log);
    }
}

#[test]
fn calls_of_a_log_that_cannot_be_made_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("contract.json"), CONTRACT).unwrap();
    let log = r#"
- - - [x] "POST /seldon.protos.Model/SendFeedback HTTP/2.0" 200 0 "-" "grpc-go/1.7" "p" OK
- - - [x] "POST /grpc.health.v1.Health/Check HTTP/2.0" 200 2 "-" "grpc-go/1.7" "p" OK
"#;
    std::fs::write(folder.path().join("access.log"), log).unwrap();
    let contract = ["--contract", "contract.json"];
    let make = [&["compare", "--make-from", "access.log"][..], &contract].concat();
    let made = run(folder.path(), &make);
    assert_eq!(made.code, Some(0), "{}", made.log);
    assert_eq!(made.output.lines().count(), 1, "{}", made.output);
    assert!(made.output.contains(r#""reward":1.0"#), "{}", made.output);
    assert!(made.log.contains("skipped 1 gRPC calls"), "{}", made.log);
}

/// The end of a tool, with standard output to be written to `output`.
#[cfg(target_os = "linux")]
fn ended_into(
    folder: &Path,
    arguments: &[&str],
    output: impl Into<Stdio>,
) -> (Option<i32>, String) {
    let ended = Command::new(&*SERVER)
        .args(arguments)
        .current_dir(folder)
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    (ended.status.code(), log)
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("contract.json"), CONTRACT).unwrap();
    for arguments in [
        &["compare", "--make-from", "contract.json"][..],
        &["compare", "--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (code, log) = ended_into(folder.path(), arguments, full);
        assert_eq!(code, Some(2), "{arguments:?}: {log}");
        assert!(log.contains("cannot write to standard output"), "{log}");
        // The other end does not read.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = ended_into(folder.path(), arguments, writer);
        assert_eq!(ended, (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_contract_is_tested_with_the_flags_of_the_old_tester() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("contract.json"), CONTRACT).unwrap();
    let server = serve(&folder, "One", "X.sum(axis=1)");
    let port = |address: std::net::SocketAddr| address.port().to_string();
    let test = |port: &str, flags: &[&str]| {
        let arguments = [&["test", "contract.json", "127.0.0.1", port], flags].concat();
        run(folder.path(), &arguments)
    };
    let (rest, grpc) = (port(server.address()), port(server.grpc_address()));
    for (port, flags, served) in [
        (
            &rest,
            &["-n", "5", "-b", "3"][..],
            "5 requests: 5 served, 0 failed",
        ),
        (&rest, &["-t", "-p"], "1 requests: 1 served"),
        (
            &grpc,
            &["--grpc", "-n", "5", "--tensor"],
            "5 requests: 5 served",
        ),
        (
            &rest,
            &["--endpoint", "send-feedback", "-n", "2"],
            "4 requests: 4 served",
        ),
        (
            &grpc,
            &["--endpoint", "send-feedback", "--grpc"],
            "2 requests: 2 served",
        ),
        (
            &rest,
            &["--endpoint", "transform-input"],
            "1 requests: 1 served",
        ),
    ] {
        let ended = test(port, flags);
        assert_eq!(
            ended.code,
            Some(0),
            "{flags:?}: {} {}",
            ended.output,
            ended.log
        );
        assert!(ended.output.contains(served), "{flags:?}: {}", ended.output);
    }
    let ended = test(&rest, &["-t", "-p"]);
    assert!(
        ended.output.contains(r#""tensor":{"shape":[1,2]"#),
        "{}",
        ended.output
    );
    assert!(
        ended.output.contains("response  {\"data\""),
        "{}",
        ended.output
    );

    let failing = serve(&folder, "Failing", "1 / 0");
    let ended = test(&port(failing.address()), &["-n", "3"]);
    assert_eq!(ended.code, Some(1), "{} {}", ended.output, ended.log);
    assert!(
        ended.output.contains("failed    500: division by zero"),
        "{}",
        ended.output
    );
    assert!(
        ended.output.contains("3 requests: 0 served, 3 failed"),
        "{}",
        ended.output
    );
}

#[test]
fn the_help_names_the_tools() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["--help"]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for command in [
        "streeling compare OLD NEW REQUESTS",
        "streeling test CONTRACT HOST PORT",
    ] {
        assert!(ended.output.contains(command), "{}", ended.output);
    }
}

#[test]
fn a_class_called_compare_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&folder, "compare", "X");
    let health = server
        .send(&streeling_testkit::Request::get("/health/ping"))
        .unwrap();
    assert_eq!(health.status, 200);
}
