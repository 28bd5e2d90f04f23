//! What is left behind when workers are replaced.

use std::os::unix::fs::PermissionsExt;

use streeling_python::Recycle;

use crate::support::{Served, alone, eventually};

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Descriptors of this process, and bytes on its heap.
fn resources() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    (descriptors, HEAP.current_usage())
}

/// Recycles as often as the file `count` in its folder says.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, in a process of its own"]
async fn counts_resources() {
    let Ok(count) = std::fs::read_to_string("count") else {
        return;
    };
    let served = Served::start(|config| {
        config.recycle = Some(Recycle {
            after: 1,
            jitter: 0,
        });
        // Without `site`, and so without NumPy, the interpreter starts in a few milliseconds.
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
            // As a number: the text may share a read buffer.
            pids.insert(served.pid().await.parse::<u32>().unwrap());
        }
    };
    recycle(20).await;
    let (descriptors, bytes) = resources();
    recycle(count.parse().unwrap()).await;
    // The last old worker may still be ending. One read buffer has 64 KiB.
    eventually("the release of all resources", || async {
        let now = resources();
        now.0 <= descriptors && now.1 <= bytes + 100_000
    })
    .await;
    served.stop().await;
    std::fs::write("done", "").unwrap();
}

fn recycles(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("count"), count.to_string()).unwrap();
    let mut run = alone("leaks::counts_resources", folder.path());
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
