//! Workers that are forked from a template, and those that must not be.

use std::collections::BTreeSet;

use streeling_python::{LoadIn, Recycle, WorkerStart};
use tokio::task::JoinSet;

use crate::support::{Config, Log, Served, eventually, gone, kill};

/// Notes in the file `log` beside it when it is constructed and loaded; `before` runs at the end of
/// its constructor.
fn model(before: &str) -> String {
    format!(
        r#"
import ctypes
import os
import random
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def note(what):
    with open(os.path.join(HERE, "log"), "a") as log:
        log.write(f"{{what}} {{os.getpid()}}\n")


class Model:
    def __init__(self):
        note("construct")
        {before}
        note("constructed")

    def load(self):
        note("load")

    def predict(self, X, names):
        if X.startswith("eval "):
            return str(eval(X[5:]))
        return str(os.getpid())
"#
    )
}

const THREAD_OF_C: &str = "thread = ctypes.c_ulong(); libc = ctypes.CDLL(None); \
    libc.pthread_create(ctypes.byref(thread), None, libc.pause, None)";

/// A port at which a thread of Python's own responds with the number of its process.
pub(crate) const PORT: &str = r#"self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = os.path.join(HERE, "port")
        self.sock.bind(("127.0.0.1", int(open(port).read()) if os.path.exists(port) else 0))
        self.sock.listen()
        open(port, "w").write(str(self.sock.getsockname()[1]))
        def serve():
            while True:
                self.sock.accept()[0].sendall(str(os.getpid()).encode())
        threading.Thread(target=serve, name="my-server", daemon=True).start()"#;

pub(crate) async fn serve(before: &str, change: impl FnOnce(&mut Config)) -> Served {
    Served::start_with(&model(before), |config| {
        config.component.start = WorkerStart::Auto;
        config.workers = 3;
        change(config);
    })
    .await
}

impl Served {
    /// What the component has noted, in order: what, and in which process.
    pub(crate) fn notes(&self) -> Vec<(String, String)> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let word = |line: &str| {
            let (what, pid) = line.split_once(' ').unwrap();
            (what.to_owned(), pid.to_owned())
        };
        log.lines().map(word).collect()
    }

    pub(crate) fn noted(&self, what: &str) -> Vec<String> {
        let notes = self.notes().into_iter();
        notes
            .filter(|note| note.0 == what)
            .map(|note| note.1)
            .collect()
    }

    pub(crate) fn pids(&self) -> BTreeSet<String> {
        let processes = self.pool.processes();
        processes.values().map(u32::to_string).collect()
    }

    pub(crate) async fn eval(&self, code: &str) -> String {
        self.call(&format!("eval {code}")).await.unwrap()
    }

    /// The value in each of three workers.
    async fn evals(&self, code: &str) -> BTreeSet<(String, String)> {
        // The others are busy meanwhile.
        let code = format!("f\"{{os.getpid()}} {{{code}}}\" if time.sleep(0.02) is None else 0");
        let mut found = BTreeSet::new();
        while found.len() < 3 {
            let mut calls = JoinSet::new();
            for _ in 0..8 {
                let (served, code) = (self.clone(), code.clone());
                calls.spawn(async move { served.eval(&code).await });
            }
            for text in calls.join_all().await {
                let (pid, value) = text.split_once(' ').unwrap();
                found.insert((pid.to_owned(), value.to_owned()));
            }
        }
        found
    }
}

/// The number in the line `Name: 7` of a process's status.
fn status(pid: &str, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim_start_matches(':').trim().to_owned()
}

fn command_line(pid: &str) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let line = String::from_utf8(line).unwrap().replace('\0', " ");
    line.trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_component_is_constructed_once_and_loaded_in_each_worker() {
    let served = serve("pass", |_| {}).await;
    let template = served.noted("construct");
    assert_eq!(template.len(), 1);
    let loaded: BTreeSet<_> = served.noted("load").into_iter().collect();
    assert_eq!(loaded, served.pids());
    assert_eq!(loaded.len(), 3);
    assert!(!loaded.contains(&template[0]), "the template serves");
    for pid in &loaded {
        // Supervision is as it is for processes that the server starts itself.
        assert_eq!(status(pid, "PPid"), std::process::id().to_string());
        assert_eq!(served.eval(&format!("os.getpgid({pid})")).await, *pid);
    }
    let lines: BTreeSet<_> = loaded.iter().map(|pid| command_line(pid)).collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(
            line.ends_with(&format!(" - model.Model tests {number}")),
            "{line}"
        );
    }
    assert!(command_line(&template[0]).ends_with(" - model.Model template"));
    served.stop().await;
    gone(&template[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_in_the_template_is_the_only_one() {
    let served = serve("pass", |config| config.component.load_in = LoadIn::Template).await;
    assert_eq!(served.noted("load"), served.noted("construct"));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recycled_lost_and_added_workers_are_forks() {
    let served = serve("pass", |config| {
        config.workers = 1;
        config.recycle = Some(Recycle {
            after: 3,
            jitter: 0,
        });
    })
    .await;
    let first = served.pid().await;
    eventually("its successor", || async { served.pid().await != first }).await;
    let second = served.pids();
    kill(second.first().unwrap());
    eventually("another one", || async {
        !served.pids().is_empty() && served.pids() != second
    })
    .await;
    served.pool.resize(2).await.unwrap();
    assert_eq!(served.noted("construct").len(), 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_native_threads_each_worker_constructs_one_after_the_other() {
    Log::start();
    let served = serve(THREAD_OF_C, |_| {}).await;
    let constructed: BTreeSet<_> = served.noted("construct").into_iter().collect();
    // What was to be the template has become one of them.
    assert_eq!(constructed, served.pids());
    let order: Vec<_> = served.notes().into_iter().map(|note| note.0).collect();
    let constructors = order.iter().filter(|what| *what != "load");
    let one = ["construct", "constructed"];
    assert!(constructors.eq(one.iter().cycle().take(6)), "{order:?}");
    let lines = served
        .pids()
        .iter()
        .map(|pid| command_line(pid))
        .collect::<BTreeSet<_>>();
    for (number, line) in lines.iter().enumerate() {
        assert!(
            line.ends_with(&format!(" - model.Model tests {number}")),
            "{line}"
        );
    }
    let message = "workers are not forked from one process, so each constructs the component: 1 \
                   native thread of a library would not live in a fork";
    Log.containing(message).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fork_means_fork_and_spawn_means_spawn() {
    let served = serve(THREAD_OF_C, |config| {
        config.component.start = WorkerStart::Fork;
    })
    .await;
    assert_eq!(served.noted("construct").len(), 1);
    served.stop().await;
    let served = serve("pass", |config| config.component.start = WorkerStart::Spawn).await;
    let constructed: BTreeSet<_> = served.noted("construct").into_iter().collect();
    assert_eq!(constructed, served.pids());
    served.stop().await;
}

/// Processes that are forked hang, after so many that do not.
fn hanging_forks(good: usize) -> String {
    format!(
        "def hang():
            with open(os.path.join(HERE, 'forks'), 'ab') as forks:
                forks.write(b'x')
                if forks.tell() > {good}:
                    time.sleep(600)
        os.register_at_fork(after_in_child=hang)"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn where_forks_hang_each_worker_constructs() {
    // That by which this is tried, and the first one of a worker.
    for good in [0, 1] {
        let served = serve(&hanging_forks(good), |_| {}).await;
        let constructed: BTreeSet<_> = served.noted("construct").into_iter().collect();
        assert!(constructed.is_superset(&served.pids()));
        assert_eq!(served.pids().len(), 3);
        served.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_of_python_s_own_stays_in_the_template_with_a_warning() {
    Log::start();
    let start = "threading.Thread(target=threading.Event().wait, name='left-behind', \
                 daemon=True).start()";
    let served = serve(start, |_| {}).await;
    assert_eq!(served.noted("construct").len(), 1);
    let names = "[thread.name for thread in threading.enumerate()]";
    assert!(!served.eval(names).await.contains("left-behind"));
    let message = "threads that the component has started do not live in workers (left-behind)";
    Log.containing(message).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_dies_is_made_anew_while_workers_go_on() {
    let served = serve("pass", |_| {}).await;
    let workers = served.pids();
    kill(&served.noted("construct")[0]);
    eventually("another one", || async {
        served.noted("constructed").len() == 2
    })
    .await;
    assert_eq!(served.pids(), workers);
    assert!(workers.contains(&served.pid().await));
    // Of both at the same time nothing is lost but those two.
    kill(&served.noted("construct")[1]);
    kill(workers.first().unwrap());
    eventually("a worker in its place", || async {
        served.pids().len() == 3 && !served.pids().contains(workers.first().unwrap())
    })
    .await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_the_code_on_disk_and_keeps_the_old_template_where_that_is_bad() {
    let served = serve("pass", |_| {}).await;
    let (template, workers) = (served.noted("construct"), served.pids());
    let good = std::fs::read_to_string(served.folder.path().join("model.py")).unwrap();
    served.write("model.py", "nonsense");
    served.reload().await.unwrap_err();
    assert_eq!(served.pids(), workers);
    kill(workers.first().unwrap());
    eventually("a fork of the old template", || async {
        served.pids().len() == 3 && !served.pids().contains(workers.first().unwrap())
    })
    .await;
    assert_eq!(served.noted("construct"), template);

    served.write("model.py", &good);
    served.reload().await.unwrap();
    gone(&template[0]).await;
    assert_eq!(served.noted("construct").len(), 2);
    served.stop().await;
}

/// Who responds at the component's own port.
pub(crate) fn owner(served: &Served) -> Option<String> {
    use std::io::Read as _;

    let port = std::fs::read_to_string(served.folder.path().join("port")).unwrap();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).ok()?;
    let timeout = std::time::Duration::from_secs(1);
    stream.set_read_timeout(Some(timeout)).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_the_component_s_own_responds_after_a_reload_and_after_a_loss() {
    let served = serve(PORT, |_| {}).await;
    let last = |served: &Served| served.noted("constructed").last().cloned();
    assert_eq!(owner(&served), last(&served));

    let old = served.pool.generation();
    let new = old.next();
    old.release_port().await;
    served.pool.reload(&new).await.unwrap();
    assert_eq!(served.noted("constructed").len(), 2);
    assert_eq!(owner(&served), last(&served));

    // Its workers have the socket, too.
    kill(&last(&served).unwrap());
    eventually("another template", || async {
        served.noted("constructed").len() == 3
    })
    .await;
    assert_eq!(owner(&served), last(&served));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_hangs_as_it_takes_the_port_back_holds_nothing_back() {
    let served = serve(PORT, |_| {}).await;
    let good = std::fs::read_to_string(served.folder.path().join("model.py")).unwrap();
    let old = served.pool.generation();
    old.release_port().await;
    let hangs = good.replace(
        "class Model:",
        "note('hangs')\ntime.sleep(600)\nclass Model:",
    );
    served.write("model.py", &hangs);
    let hung = tokio::spawn({
        let old = old.clone();
        async move { old.restore_port().await }
    });
    eventually("a template that hangs", || async {
        !served.noted("hangs").is_empty()
    })
    .await;
    served.write("model.py", &good);
    // The old template forks meanwhile, and the next reload has the port.
    let workers = served.pids();
    kill(workers.first().unwrap());
    eventually("a worker in its place", || async {
        served.pids().len() == 3 && !served.pids().contains(workers.first().unwrap())
    })
    .await;
    tokio::time::timeout(std::time::Duration::from_secs(10), old.release_port())
        .await
        .unwrap();
    served.pool.reload(&old.next()).await.unwrap();
    assert_eq!(owner(&served), served.noted("constructed").last().cloned());
    hung.abort();
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_numbers_differ_between_workers_unless_the_component_has_seeded_them() {
    let values = |found: BTreeSet<(String, String)>| {
        let values: BTreeSet<_> = found.into_iter().map(|(_, value)| value).collect();
        values.len()
    };
    let draw =
        "getattr(self, 'drawn', None) or setattr(self, 'drawn', random.random()) or self.drawn";
    let served = serve("random.random()", |_| {}).await;
    assert_eq!(values(served.evals(draw).await), 3);
    served.stop().await;

    let draw = "sys.modules['numpy'].random.get_state()[1].sum()";
    let served = serve("sys.modules['numpy'].random.rand()", |_| {}).await;
    assert_eq!(values(served.evals(draw).await), 3);
    served.stop().await;
    let served = serve("sys.modules['numpy'].random.seed(7)", |_| {}).await;
    assert_eq!(values(served.evals(draw).await), 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_leaves_behind_is_no_zombie() {
    let served = serve("pass", |config| config.workers = 1).await;
    // The shell ends at once, so that the server is the parent of what it has started.
    let code = "subprocess.run(['sh', '-c', 'setsid sh -c \"exit 0\" & echo $!'], \
                stdout=subprocess.PIPE).stdout.decode().strip()";
    for _ in 0..5 {
        let pid = served.eval(code).await;
        eventually("its status to be taken", || async {
            !std::path::Path::new(&format!("/proc/{pid}")).exists()
        })
        .await;
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_before_a_fork_is_written_once() {
    Log::start();
    let print = "libc = ctypes.CDLL(None); libc.printf(b'printed-by-c'); \
                 sys.__stdout__.write('printed-by-python')";
    let served = serve(print, |_| {}).await;
    // Workers would write it when they end.
    served.stop().await;
    for text in ["printed-by-c", "printed-by-python"] {
        Log.containing(text).await;
        assert_eq!(Log::count(text), 1, "{text}");
    }
}
