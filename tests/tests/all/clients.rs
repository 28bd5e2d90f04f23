//! Other people's clients, as `cargo xtask acceptance clients browser oip` recorded them.

use std::fs;
use std::path::PathBuf;

use streeling_testkit::{Recording, Server};

use crate::support::{command_in, root};

fn recordings() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("tests/acceptance/recorded")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn mirror() -> Server {
    command_in(&root().join("tests/acceptance/components"), "Mirror")
        .env("GRPC_WORKERS", "1")
        .args(["--grpc-port", "0"])
        .start()
        .unwrap()
}

#[test]
fn clients_get_the_responses_that_were_recorded() {
    let server = mirror();
    let (rest, grpc) = (server.address(), server.grpc_address());
    let mut found = Vec::new();
    let paths = recordings();
    assert_eq!(paths.len(), 16, "{paths:?}");
    for path in paths {
        let recording = Recording::load(&path).unwrap();
        assert!(!recording.connections.is_empty(), "{}", path.display());
        found.extend(recording.replay(rest, grpc));
    }
    assert!(
        found.is_empty(),
        "{} differences; `cargo xtask acceptance clients browser oip` records again:\n{}",
        found.len(),
        found.join("\n")
    );
}
