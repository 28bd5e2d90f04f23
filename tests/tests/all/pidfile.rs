//! `--pidfile`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use streeling_testkit::{Server, ServerCommand, Signal};

use crate::support::{TIMEOUT, command};

fn with(path: &Path) -> ServerCommand {
    command("Scripted").args(["--pidfile", path.to_str().unwrap()])
}

fn end(mut server: Server) {
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
}

#[test]
fn names_the_server_while_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streeling.pid");
    let server = with(&path).start().unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("{}\n", server.pid())
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o644
    );
    end(server);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn stale_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streeling.pid");
    let mut gone = Command::new("/bin/true").spawn().unwrap();
    gone.wait().unwrap();
    for stale in [format!("{}\n", gone.id()), String::new()] {
        fs::write(&path, stale).unwrap();
        let server = with(&path).start().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim(), server.pid().to_string());
        end(server);
    }
}

#[test]
fn live_one_is_refused_before_anything_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streeling.pid");
    let first = with(&path).start().unwrap();
    let marker = folder.path().join("imported");
    let flags = ["broken.Fine", "--http-port", "0", "--pidfile"];
    let second = crate::support::bare_command(&crate::support::root().join("tests/components"))
        .env("STREELING_PYTHON", &*crate::support::PYTHON)
        .env("MARKER", &marker)
        .args(flags)
        .args([&path]);
    let ended = second.run().unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    for part in [
        first.pid().to_string().as_str(),
        path.to_str().unwrap(),
        "--pidfile",
    ] {
        assert!(ended.log.contains(part), "no \"{part}\" in {}", ended.log);
    }
    assert!(!marker.exists(), "the component was imported");
    // It is still the first one's.
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.trim(), first.pid().to_string());
    end(first);
    assert!(!path.exists());
}

#[test]
fn other_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    fs::write(&path, "not a number").unwrap();
    for bad in [path.clone(), folder.path().join("absent/streeling.pid")] {
        let ended = with(&bad).run().unwrap();
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains(bad.to_str().unwrap()), "{}", ended.log);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a number");
}

/// What would be seen if anything had been made, replaced or removed: names, kinds and inodes.
fn listing(folder: &Path) -> BTreeMap<OsString, (FileType, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            (entry.file_name(), (metadata.file_type(), metadata.ino()))
        })
        .collect()
}

#[test]
fn anything_but_a_regular_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink(at("file"), at("link")).unwrap();
    symlink(at("absent"), at("dangling")).unwrap();
    symlink("/dev/null", at("to-device")).unwrap();
    let fifo = Command::new("mkfifo").arg(at("fifo")).status().unwrap();
    assert!(fifo.success());
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let before = listing(folder.path());
    let marker = tempfile::tempdir().unwrap();
    let marker = marker.path().join("imported");
    for (name, kind) in [
        ("directory", "a directory"),
        ("link", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("to-device", "a symbolic link"),
        ("fifo", "a FIFO"),
        ("socket", "a socket"),
        ("absent/", "the name of a directory"),
    ] {
        let path = at(name);
        // `--check` finds it too.
        for flags in [&[][..], &["--check"]] {
            let ended = command("broken.Fine")
                .env("MARKER", &marker)
                .args(["--pidfile", path.to_str().unwrap()])
                .args(flags)
                .run()
                .unwrap();
            assert_eq!(ended.code, Some(2), "{name}: {}", ended.log);
            assert_eq!(ended.log.trim().lines().count(), 1, "{}", ended.log);
            for part in [path.to_str().unwrap(), "--pidfile", kind] {
                assert!(ended.log.contains(part), "no \"{part}\" in {}", ended.log);
            }
            assert_eq!(listing(folder.path()), before, "{name}");
        }
    }
    assert!(!marker.exists(), "the component was imported");
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "");
}

#[test]
fn a_check_may_run_beside_the_server_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streeling.pid");
    let server = with(&path).start().unwrap();
    let ended = with(&path).args(["--check"]).run().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.trim(), server.pid().to_string());
    end(server);
}

#[test]
fn file_of_another_server_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streeling.pid");
    let mut server = with(&path).start().unwrap();
    fs::write(&path, "1\n").unwrap();
    server.signal(Signal::TERM).unwrap();
    server.wait(TIMEOUT).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
}
