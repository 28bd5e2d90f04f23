//! The parity run, replayed: what seldon-core responded to random requests for random classes.

use std::collections::VecDeque;
use std::sync::Mutex;

use streeling_compare::Messages;
use streeling_testkit::{
    Differences, Held, KnownKinds, ServerCommand, Shape, Shapes, hold, lay_out, responses,
};
use tempfile::TempDir;

use crate::support::{PYTHON, SERVER, root};

/// Servers at once; most of a class's time is the start of a Python process.
const AT_ONCE: usize = 3;

/// Exchanges that the recording must have at least.
const ENOUGH: usize = 5_000;

#[test]
fn random_requests_to_random_classes_get_what_seldon_core_responded() {
    let text = std::fs::read_to_string(root().join("tests/parity/recorded.jsonl")).unwrap();
    let shapes = Shapes::parse(&text).unwrap();
    assert!(shapes.len() >= ENOUGH, "{}", shapes.len());
    let folder = TempDir::new().unwrap();
    lay_out(root(), folder.path()).unwrap();
    let todo: Mutex<VecDeque<_>> = Mutex::new(shapes.shapes.iter().collect());
    let all = Mutex::new(Held::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().unwrap().pop_front();
                    let Some(shape) = next else { break };
                    let held = serve(shape, &folder);
                    let mut all = all.lock().unwrap();
                    all.same += held.same;
                    all.excused += held.excused;
                    all.findings.extend(held.findings);
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    let known = KnownKinds::of(&Differences::load(root()).unwrap());
    let idle = known.take_out(&mut all.findings);
    assert!(
        all.findings.is_empty(),
        "{} exchanges differ and are not listed (`cargo xtask parity --replay` sums them up):\n{}",
        all.findings.len(),
        lines(&all)
    );
    assert!(idle.is_empty(), "listed, and did not occur: {idle:?}");
    // More than half of the exchanges are served there, and compared.
    assert!(all.same > all.excused, "{} {}", all.same, all.excused);
}

fn serve(shape: &Shape, folder: &TempDir) -> Held {
    shape.write(folder.path()).unwrap();
    let mut command = ServerCommand::new(&*SERVER, folder.path())
        .args([shape.component.as_str(), "--http-port", "0"])
        .args(["--grpc-port", "0", "--metrics-port", "0"])
        // One worker for both transports: nothing here depends on which one it is.
        .args(["--worker-pool", "shared"])
        .env("STREELING_PYTHON", &*PYTHON)
        .env("PYTHONHASHSEED", "0")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    for (name, value) in &shape.env {
        command = command.env(name, value);
    }
    let server = command.start().unwrap();
    let messages = Messages::new();
    let target = format!("{},grpc://{}", server.address(), server.grpc_address());
    let replies = responses(shape, &target, &messages).unwrap();
    let requests = shape.requests(&messages).unwrap();
    hold(shape, &requests, &replies, &messages)
}

fn lines(held: &Held) -> String {
    let findings = held.findings.iter().take(50);
    let lines = findings.flat_map(|finding| {
        let line = |line: &String| format!("{}: {line}\n", finding.id);
        finding.lines.iter().map(line).collect::<Vec<_>>()
    });
    lines.collect()
}
