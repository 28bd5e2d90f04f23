//! `custom_service()`: a server of the component's own, in a process of its own.

use std::path::Path;

use streeling_testkit::{Request, ServerCommand, Signal};

use crate::support::{TIMEOUT, command_in, eventually, runs};

/// A component whose service writes its process id into the file `service`, then runs `then`.
fn component(folder: &Path, then: &str) -> ServerCommand {
    let text = format!(
        "import os, signal, sys, time\n\
         class Serving:\n\
         \x20   def load(self):\n\
         \x20       self.loaded = True\n\
         \x20   def predict(self, X, names):\n\
         \x20       return X\n\
         \x20   def custom_service(self):\n\
         \x20       assert self.loaded\n\
         \x20       with open('new', 'w') as file:\n\
         \x20           file.write(str(os.getpid()))\n\
         \x20       os.rename('new', 'service')\n\
         \x20       {then}\n"
    );
    std::fs::write(folder.join("Serving.py"), text).unwrap();
    command_in(folder, "Serving")
}

fn service(folder: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(folder.join("service")).ok()?;
    text.parse().ok()
}

fn another_service(folder: &Path, than: Option<u32>) -> u32 {
    eventually("another service", || {
        service(folder).is_some_and(|pid| Some(pid) != than && runs(pid))
    });
    service(folder).unwrap()
}

#[test]
fn runs_beside_the_workers_and_ends_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let command = component(folder.path(), "time.sleep(600)");
    let mut server = command.args(["--workers", "2"]).start().unwrap();
    let first = another_service(folder.path(), None);
    // Its number differs from those of the workers, 0 and 1.
    let line = server.wait_for_log("custom_service runs");
    assert!(line.contains("worker=2"), "{line}");
    // One that is lost is replaced.
    std::process::Command::new("kill")
        .args(["-KILL", &first.to_string()])
        .status()
        .unwrap();
    server.wait_for_log("custom_service failed");
    let second = another_service(folder.path(), Some(first));
    // A reload restarts the service, too.
    server.signal(Signal::HUP).unwrap();
    let third = another_service(folder.path(), Some(second));
    assert!(!runs(second));
    assert_eq!(
        server.send(&Request::get("/health/ping")).unwrap().status,
        200
    );
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    assert!(!runs(third));
    // TERM has ended each of them, for which it needs no handler.
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains("killed")), "{log:?}");
}

#[test]
fn stopped_while_it_loads_it_gets_its_time_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let text = "import os, signal, sys, time\n\
                def end(*_):\n\
                \x20   open('ended', 'w').close()\n\
                \x20   sys.exit(0)\n\
                class Serving:\n\
                \x20   def load(self):\n\
                \x20       if not os.path.exists('loaded'):\n\
                \x20           open('loaded', 'w').close()\n\
                \x20           return\n\
                \x20       signal.signal(signal.SIGTERM, end)\n\
                \x20       with open('new', 'w') as file:\n\
                \x20           file.write(str(os.getpid()))\n\
                \x20       os.rename('new', 'service')\n\
                \x20       time.sleep(600)\n\
                \x20   def predict(self, X, names):\n\
                \x20       return X\n\
                \x20   def custom_service(self):\n\
                \x20       pass\n";
    std::fs::write(folder.path().join("Serving.py"), text).unwrap();
    let mut server = command_in(folder.path(), "Serving")
        .env("GRPC_WORKERS", "0")
        .args(["--workers", "1"])
        .start()
        .unwrap();
    let loading = another_service(folder.path(), None);
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    assert!(folder.path().join("ended").exists());
    assert!(!runs(loading));
}

#[test]
fn exception_is_logged_and_the_service_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = component(folder.path(), "raise OSError('no port')")
        .start()
        .unwrap();
    server.wait_for_log("OSError: no port");
    server.wait_for_log("custom_service failed: exit status: 5");
    let first = service(folder.path());
    eventually("another try", || service(folder.path()) != first);
}

#[test]
fn service_that_returns_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = component(folder.path(), "return").start().unwrap();
    server.wait_for_log("custom_service has ended");
    let only = service(folder.path());
    assert_eq!(
        server.send(&Request::get("/health/ping")).unwrap().status,
        200
    );
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    assert_eq!(service(folder.path()), only);
}
