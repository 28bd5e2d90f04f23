//! Components that do what a fork does not bear, and losses at the worst moment.

use streeling_python::{Recycle, WorkerStart};

use crate::support::{eventually, gone, kill};
use crate::template::{PORT, owner, serve};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_component_does_to_python_s_own_does_not_stop_its_start() {
    let hostile = [
        "socket.setdefaulttimeout(0.05)",
        "__import__('signal').signal(__import__('signal').SIGCHLD, __import__('signal').SIG_IGN)",
        "os.fork = os.waitpid = time.sleep = socket.socket = None",
        "threading.Thread(target=lambda: None, name='\\udc80\\n', daemon=False).start()",
    ];
    for (number, before) in hostile.into_iter().enumerate() {
        for start in [WorkerStart::Auto, WorkerStart::Spawn] {
            let served = serve(before, |config| config.component.start = start).await;
            let workers = served.pids();
            // Longer than that default.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            assert!(workers.contains(&served.pid().await), "{number} {start:?}");
            assert_eq!(served.pids(), workers, "{number} {start:?}");
            let constructed = served.noted("construct").len();
            assert_eq!(constructed, if start == WorkerStart::Auto { 1 } else { 3 });
            served.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_template_has_made_is_there_as_long_as_a_worker_is() {
    let make = "import tempfile; self.folder = tempfile.TemporaryDirectory()";
    let served = serve(make, |config| {
        config.workers = 1;
        config.recycle = Some(Recycle {
            after: 3,
            jitter: 0,
        });
    })
    .await;
    let exists = "os.path.exists(self.folder.name)";
    // Workers that have ended leave it alone.
    let first = served.pid().await;
    eventually("another worker", || async { served.pid().await != first }).await;
    gone(&first).await;
    assert_eq!(served.eval(exists).await, "True");

    let folder = served.eval("self.folder.name").await;
    let old = {
        let served = served.clone();
        let gate = "time.sleep(0.01) or os.path.exists(os.path.join(HERE, 'open'))";
        let hold = format!(
            "(open(os.path.join(HERE, 'held'), 'w').close(), [0 for _ in iter(lambda: {gate}, \
             True)], {exists})[2]"
        );
        tokio::spawn(async move { served.eval(&hold).await })
    };
    let held = served.folder.path().join("held");
    eventually("the call", || async { held.exists() }).await;
    served.reload().await.unwrap();
    served.write("open", "");
    assert_eq!(old.await.unwrap(), "True");
    eventually("its end", || async {
        !std::path::Path::new(&folder).exists()
    })
    .await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_constructor() {
    let hang = "time.sleep(0 if len(open(os.path.join(HERE, 'log')).readlines()) < 3 else 600)";
    let served = serve(hang, |config| config.workers = 1).await;
    kill(&served.noted("construct")[0]);
    eventually("another one", || async {
        served.noted("construct").len() == 2
    })
    .await;
    tokio::time::timeout(std::time::Duration::from_secs(10), served.stop())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_lost_together_with_its_template_is_no_failure() {
    let served = serve("pass", |config| config.tries = 1).await;
    for turn in 1..=3 {
        let victim = served.pids().first().unwrap().clone();
        kill(served.noted("construct").last().unwrap());
        kill(&victim);
        eventually("both", || async {
            served.pids().len() == 3
                && !served.pids().contains(&victim)
                && served.noted("constructed").len() == 1 + turn
        })
        .await;
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_port_of_its_own_a_worker_that_is_lost_during_a_reload_is_forked_as_before() {
    let served = serve(PORT, |_| {}).await;
    let old = served.pool.generation();
    old.release_port().await;
    let victim = served.pids().first().unwrap().clone();
    kill(&victim);
    eventually("a fork of the old template", || async {
        served.pids().len() == 3 && !served.pids().contains(&victim)
    })
    .await;
    assert_eq!(served.noted("construct").len(), 1);
    // The reload has failed.
    old.restore_port().await;
    assert_eq!(owner(&served), served.noted("constructed").last().cloned());
    served.stop().await;
}
