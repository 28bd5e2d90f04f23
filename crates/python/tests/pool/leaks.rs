//! What is left behind when workers are replaced.

use crate::support::alone;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Descriptors of this process, and bytes on its heap.
fn resources() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    (descriptors, HEAP.current_usage())
}

/// The program that the tests run as a process of its own.
mod child {
    use streeling_python::Recycle;

    use super::resources;
    use crate::support::{Served, bare, eventually};

    /// Recycles as often as the file `count` in its folder says.
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a process of other tests"]
    async fn counts_resources() {
        let count = std::fs::read_to_string("count").unwrap();
        let served = Served::start(|config| {
            config.recycle = Some(Recycle {
                after: 1,
                jitter: 0,
            });
            bare(config);
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
}

fn recycles(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("count"), count.to_string()).unwrap();
    let mut run = alone("leaks::child::counts_resources", folder.path());
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
#[ignore = "acceptance: it takes a minute"]
fn a_thousand_recycles_leave_nothing_behind() {
    recycles(1000);
}
