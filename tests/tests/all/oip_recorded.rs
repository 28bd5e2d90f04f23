//! What `MLServer` and `KServe`'s Python server responded to requests of the Open Inference
//! Protocol and of V1, for the same models, and the list of what differs
//! (`tests/conformance/oip`).

use std::collections::VecDeque;
use std::sync::Mutex;

use streeling_testkit::oip::{FOLDER, Findings, Group, Peer, Suite};

use crate::support::{command_in, root};

/// Servers at once.
const AT_ONCE: usize = 2;

/// Exchanges that there must be at least.
const ENOUGH: usize = 400;

#[test]
fn responses_equal_those_of_other_servers_except_for_the_listed_differences() {
    let suite = Suite::load(root()).unwrap();
    assert!(suite.len() >= ENOUGH, "{}", suite.len());
    let todo: Mutex<VecDeque<_>> = Mutex::new(suite.recorded().collect());
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().unwrap().pop_front();
                    let Some((group, peer)) = next else { break };
                    let findings = replay(&suite, group, peer);
                    all.lock().unwrap().push(findings);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    let mismatches: Vec<_> = all
        .iter()
        .flat_map(|findings| findings.mismatches.iter().map(String::as_str))
        .collect();
    assert!(
        mismatches.is_empty(),
        "{} mismatches that tests/conformance/oip/differences.toml does not list:\n{}",
        mismatches.len(),
        mismatches.join("\n")
    );
    let idle = suite.idle(&all);
    assert!(
        idle.is_empty(),
        "listed, and does not occur:\n{}",
        idle.join("\n")
    );
}

/// Sends the requests of a group to a server of its own.
fn replay(suite: &Suite, group: &Group, peer: Peer) -> Findings {
    let server = command_in(&root().join(FOLDER).join("components"), &group.component)
        .args(["--grpc-port", "0", "--worker-pool", "shared"])
        .args(["--parameters", &group.seldon_parameters(peer)])
        .env("GRPC_WORKERS", "1")
        .env("MLSERVER_MODEL_NAME", &group.model)
        .start()
        .unwrap();
    let target = format!("{},grpc://{}", server.address(), server.grpc_address());
    let replies = group.send(&target).unwrap();
    suite.compare(group, peer, &replies)
}
