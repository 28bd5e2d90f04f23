//! The server as process 1, as in a container.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, kill_process};
use streeling_testkit::{Request, ServerCommand, Signal};

use crate::processes::children;
use crate::support::{PYTHON, SERVER, TIMEOUT, eventually};

/// A process namespace of its own, in which the user appears as root.
const IN_A_CONTAINER: [&str; 5] = [
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--kill-child",
];

/// The program as process 1 of a namespace. `flags` are further ones for `unshare`.
fn first_process(folder: &Path, flags: &[&str], program: &[&str]) -> ServerCommand {
    let allowed = std::process::Command::new("unshare")
        .args(IN_A_CONTAINER)
        .args(flags)
        .arg("true")
        .status();
    assert!(
        allowed.is_ok_and(|status| status.success()),
        "this user may not make process namespaces with unshare; where AppArmor forbids it: \
         sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    );
    ServerCommand::new("unshare", folder)
        .args(IN_A_CONTAINER)
        .args(flags)
        .args(program)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("STREELING_PYTHON", &*PYTHON)
}

fn server() -> &'static str {
    SERVER.to_str().unwrap()
}

/// Without gRPC, and on ports of the system's choosing.
const ON_FREE_PORTS: [&str; 6] = [
    "--http-port",
    "0",
    "--grpc-workers",
    "0",
    "--metrics-port",
    "0",
];

/// Everything that loses its parent becomes a child of process 1.
#[test]
fn reaps_orphans_and_exits_as_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let code = "import os\n\
                class Litter:\n\
                \x20   def predict(self, X, names):\n\
                \x20       if os.fork() == 0:\n\
                \x20           if os.fork() == 0:\n\
                \x20               os._exit(0)\n\
                \x20           os._exit(0)\n\
                \x20       return X\n";
    fs::write(folder.path().join("Litter.py"), code).unwrap();
    let command = first_process(folder.path(), &[], &[server(), "Litter"]);
    let mut server = command.args(ON_FREE_PORTS).start().unwrap();
    let first = only_child(server.pid());
    let body = r#"{"data":{"ndarray":[[1.0]]}}"#;
    for _ in 0..20 {
        let response = server
            .send(&Request::json("/predict", body.to_owned()))
            .unwrap();
        assert_eq!(response.status, 200);
    }
    eventually("a process 1 without orphans", || children(first).len() == 1);
    kill(first, Signal::TERM);
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
}

#[test]
fn says_why_it_cannot_start_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs none /proc && exec {} Litter {}",
        server(),
        ON_FREE_PORTS.join(" ")
    );
    let program = ["sh", "-c", &script];
    let command = first_process(folder.path(), &["--mount"], &program);
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    for part in ["streeling: cannot run as process 1", "/proc"] {
        assert!(ended.log.contains(part), "no \"{part}\" in: {}", ended.log);
    }
}

#[test]
fn says_why_it_has_no_runtime() {
    let folder = tempfile::tempdir().unwrap();
    // One descriptor beside the standard streams: enough to load the program, and too few to wait.
    let script = format!("ulimit -n 4 && exec {} Litter", server());
    let command = first_process(folder.path(), &[], &["sh", "-c", &script]);
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let reason = "streeling: cannot run as process 1: cannot start the runtime: ";
    assert!(ended.log.contains(reason), "{}", ended.log);
}

#[test]
fn bad_setting_is_said_as_by_any_process() {
    let folder = tempfile::tempdir().unwrap();
    let program = [server(), "Litter", "--threads", "many"];
    let command = first_process(folder.path(), &[], &program);
    let ended = command.run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
    assert!(ended.log.contains("--threads"), "{}", ended.log);
}

#[test]
fn says_that_the_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Idle.py"), "class Idle:\n    pass\n").unwrap();
    let command = first_process(folder.path(), &[], &[server(), "Idle"]);
    let mut server = command.args(ON_FREE_PORTS).start().unwrap();
    kill(only_child(only_child(server.pid())), Signal::KILL);
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(128 + 9));
    server.wait_for_log("streeling: the server was killed by signal 9");
}

fn only_child(parent: u32) -> u32 {
    let children = children(parent);
    assert_eq!(children.len(), 1, "{children:?}");
    children.into_iter().next().unwrap()
}

fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}
