//! What stays behind when workers come and go.

use std::os::unix::fs::PermissionsExt;

use streeling_python::Recycle;

use crate::support::{Served, alone, eventually};

/// Descriptors and kilobytes of this process.
fn held() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let memory = line.and_then(|line| line.split_whitespace().nth(1));
    (descriptors, memory.unwrap().parse().unwrap())
}

/// Recycles as often as the file `count` in its folder says.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, in a process of its own"]
async fn counts_what_is_held() {
    let Ok(count) = std::fs::read_to_string("count") else {
        return;
    };
    let served = Served::start(|config| {
        config.recycle = Some(Recycle {
            after: 1,
            jitter: 0,
        });
        // Without `site` there is no NumPy either, and the interpreter starts in a few milliseconds.
        let folder = config.worker.app_dir.clone();
        let quick = folder.join("quick");
        let text = format!(
            "#!/bin/sh\nexec '{}' -I -S \"$@\"\n",
            config.worker.python.display()
        );
        std::fs::write(&quick, text).unwrap();
        std::fs::set_permissions(&quick, std::fs::Permissions::from_mode(0o755)).unwrap();
        config.worker.python = quick;
    })
    .await;
    let mut pids = std::collections::HashSet::new();
    let mut recycle = async |count: usize| {
        let until = pids.len() + count;
        while pids.len() < until {
            pids.insert(served.pid().await);
        }
    };
    recycle(20).await;
    let (descriptors, before) = held();
    recycle(count.parse().unwrap()).await;
    // The last old worker may still be ending.
    eventually("no descriptor more", || async { held().0 <= descriptors }).await;
    let (_, after) = held();
    assert!(after < before + 4096, "{before} kB became {after} kB");
    served.stop().await;
    std::fs::write("done", "").unwrap();
}

fn recycles(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("count"), count.to_string()).unwrap();
    let mut run = alone("leaks::counts_what_is_held", folder.path());
    assert!(run.wait().unwrap().success());
    assert!(folder.path().join("done").exists(), "the test was run");
}

#[cfg(target_os = "linux")]
#[test]
fn recycling_leaves_nothing_behind() {
    recycles(50);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes a minute"]
fn a_thousand_recycles_leave_nothing_behind() {
    recycles(1000);
}
