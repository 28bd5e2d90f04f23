//! The parity run: random classes, random requests to each of them, what seldon-core responded
//! (`tests/parity`).
//!
//! `cargo xtask parity` makes and records them; the test in the `tests` package replays them.

mod error;
mod file;
mod finding;
mod known;

use std::io;
use std::path::Path;
use std::time::Duration;

use streeling_compare::{
    Messages, Pace, Reply, Request, Rules, Target, TargetError, Verdict, judge, send,
};

pub use error::ParityError;
pub use file::{Shape, Shapes};
pub use finding::Finding;
pub use known::KnownKinds;

/// One request at a time: some components count.
const PACE: Pace = Pace {
    concurrency: 1,
    timeout: Duration::from_secs(30),
};

/// What holding a class against its recording has shown.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Exchanges that differ.
    pub findings: Vec<Finding>,
    /// Responses that are equal.
    pub same: usize,
    /// Responses to what seldon-core does not serve, where any will do.
    pub excused: usize,
}

/// Sends the requests of `shape` to a server that serves it.
///
/// # Errors
///
/// The server is not there, or there is no response to a request.
pub fn responses(
    shape: &Shape,
    server: &str,
    messages: &Messages,
) -> Result<Vec<Reply>, ParityError> {
    let requests = shape.requests(messages)?;
    let replies = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let target = Target::parse(server)?;
            target.reach(&requests, PACE.timeout).await?;
            Ok::<_, TargetError>(send(&target, &requests, PACE, || ()).await)
        })?;
    let named = requests.iter().zip(replies);
    named
        .map(|(request, reply)| {
            reply.map_err(|error| ParityError::Silent {
                id: format!("{} {}", shape.component, request.name),
                error,
            })
        })
        .collect()
}

/// Compares the replies of a server with what seldon-core responded.
pub fn hold(shape: &Shape, requests: &[Request], replies: &[Reply], messages: &Messages) -> Held {
    let mut held = Held::default();
    let recorded = shape.exchanges.iter().map(|exchange| &exchange.response);
    for ((request, reply), recorded) in requests.iter().zip(replies).zip(recorded) {
        match judge(request, (recorded, reply), Rules::default(), true, messages) {
            Verdict::Same => held.same += 1,
            Verdict::Excused => held.excused += 1,
            Verdict::Differs(lines) => held.findings.push(Finding {
                id: format!("{} {}", shape.component, request.name),
                lines,
            }),
        }
    }
    held
}

/// Copies what the classes share into `folder`, which is to hold the classes.
///
/// # Errors
///
/// A file that cannot be read or written.
pub fn lay_out(root: &Path, folder: &Path) -> io::Result<()> {
    let shared = root.join("tests/parity/components/shared.py");
    std::fs::copy(shared, folder.join("shared.py")).map(|_| ())
}
