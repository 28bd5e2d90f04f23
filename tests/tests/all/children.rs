//! A worker as a process among others: what it is called, what it finds, and what it starts.

use std::path::Path;

use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use streeling_testkit::{Request, Server, Signal};

use crate::processes::{children, templates};
use crate::support::{TIMEOUT, command, command_in, eventually, runs, send_json, worker};

/// Processes that are started while a request is served.
const STARTS: &str = r#"
import multiprocessing, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor
from seldon_core.user_model import SeldonComponent

def square(x):
    return x * x

class Starts(SeldonComponent):
    def predict(self, X, names, meta=None):
        what, _, method = X.partition(" ")
        if what == "program":
            return {"r": subprocess.check_output([sys.executable, "-c", method], text=True)}
        context = multiprocessing.get_context(method or None)
        if what == "process":
            queue = context.Queue()
            process = context.Process(target=lambda: queue.put(9))
            process.start()
            result = queue.get(timeout=30)
            process.join(30)
            return {"r": result, "code": process.exitcode}
        if what == "terminate":
            process = context.Process(target=time.sleep, args=(60,))
            process.start()
            process.terminate()
            process.join(30)
            code = process.exitcode
            process.kill()
            return {"code": code}
        if what == "closed":
            pool = context.Pool(2)
            result = pool.map(square, [1, 2, 3])
            pool.close()
            pool.join()
            return {"r": result}
        if what == "pool":
            with context.Pool(2) as pool:
                return {"r": pool.map(square, [1, 2, 3])}
        if what == "executor":
            with ProcessPoolExecutor(2, mp_context=context) as executor:
                return {"r": list(executor.map(square, [1, 2, 3]))}
        if what == "manager":
            with multiprocessing.Manager() as manager:
                shared = manager.dict()
                shared["a"] = 1
                return {"r": dict(shared)}
        if what == "loky":
            from joblib import Parallel, delayed
            return {"r": Parallel(n_jobs=2)(delayed(square)(i) for i in range(3))}
"#;

/// Daemons, which live on when their worker has ended: a program, and a fork that has everything
/// that the worker had open, but for what Python closes in it; and one that a library in C forks.
const DAEMONS: &str = r#"
import ctypes, os, subprocess, time

def note(pid):
    with open("daemons", "a") as file:
        file.write(f"{pid}\n")

class Daemons:
    def predict(self, X, names):
        if X == "program":
            note(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
        elif X == "fork":
            pid = os.fork()
            if pid == 0:
                os.setsid()
                time.sleep(1000)
            note(pid)
        elif X == "c":
            pid = ctypes.CDLL(None).fork()
            if pid == 0:
                os.setsid()
                time.sleep(1000)
            note(pid)
        elif X == "die":
            os._exit(9)
        return str(os.getpid())
"#;

fn started(folder: &Path, component: &str, source: &str, flags: &[&str]) -> Server {
    std::fs::write(folder.join(format!("{component}.py")), source).unwrap();
    command_in(folder, component).args(flags).start().unwrap()
}

fn predict(server: &Server, text: &str) -> (u16, Value) {
    let body = json!({"strData": text}).to_string();
    send_json(server, &Request::json("/predict", body))
}

fn result(server: &Server, text: &str) -> Value {
    let (status, response) = predict(server, text);
    assert_eq!(status, 200, "{text}: {response}");
    response["jsonData"].clone()
}

#[test]
fn forked_processes_respond_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let squares = json!({"r": [1, 4, 9]});
    for threads in ["1", "4"] {
        let server = started(folder.path(), "Starts", STARTS, &["--threads", threads]);
        for _ in 0..10 {
            assert_eq!(result(&server, "process fork"), json!({"r": 9, "code": 0}));
            assert_eq!(result(&server, "terminate fork"), json!({"code": -15}));
            for what in ["closed fork", "pool fork", "executor fork"] {
                assert_eq!(result(&server, what), squares, "{what}");
            }
        }
    }
}

#[test]
fn daemons_of_a_component_hold_up_neither_its_worker_s_end_nor_the_server_s() {
    for what in ["program", "fork", "c"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = started(folder.path(), "Daemons", DAEMONS, &["--threads", "2"]);
        let pid = |text| {
            predict(&server, text).1["strData"]
                .as_str()
                .map(str::to_owned)
        };
        let first = pid(what).unwrap();
        // Another one takes the place of a worker that has died.
        assert_eq!(predict(&server, "die").0, 503, "{what}");
        let second = pid(what).unwrap();
        assert_ne!(second, first);
        // One is replaced in order, and does not count as one that had to be killed.
        server.signal(Signal::HUP).unwrap();
        server.wait_for_log("all workers are reloaded");
        assert_ne!(pid(what).unwrap(), second);
        eventually("the end of the old one", || !runs(second.parse().unwrap()));
        server.signal(Signal::TERM).unwrap();
        assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0), "{what}");
        let log = server.log().join("\n");
        assert!(!log.contains("did not exit"), "{what}: {log}");
        assert!(!log.contains("did not end within"), "{what}: {log}");
        let daemons = std::fs::read_to_string(folder.path().join("daemons")).unwrap();
        let daemons: Vec<u32> = daemons.lines().map(|pid| pid.parse().unwrap()).collect();
        assert_eq!(daemons.len(), 3);
        for daemon in daemons {
            // They are the component's own matter.
            assert!(runs(daemon), "{what}");
            let daemon = Pid::from_raw(daemon.cast_signed()).unwrap();
            kill_process(daemon, Signal::KILL).unwrap();
        }
    }
}

#[test]
fn fresh_interpreters_find_the_component_and_our_package() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(folder.path(), "Starts", STARTS, &["--threads", "1"]);
    for what in ["pool spawn", "pool forkserver", "executor spawn"] {
        assert_eq!(result(&server, what), json!({"r": [1, 4, 9]}), "{what}");
    }
    assert_eq!(result(&server, "manager"), json!({"r": {"a": 1}}));
    assert_eq!(result(&server, "loky"), json!({"r": [0, 1, 4]}));
    let code = "program import seldon_core.user_model as m; print(m.SeldonComponent.__name__)";
    assert_eq!(result(&server, code), json!({"r": "SeldonComponent\n"}));
}

#[test]
fn the_files_of_the_package_are_gone_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let source = "import sys\nclass Path:\n    def predict(self, X, names):\n        \
                  return sys.path\n";
    let mut server = started(folder.path(), "Path", source, &[]);
    let (_, response) = predict(&server, "x");
    let path = &response["data"]["ndarray"];
    let path: Vec<&str> = path
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    let [.., app, packages] = &path[..] else {
        panic!("{path:?}")
    };
    // Behind all that is installed, as seldon-core has it.
    assert_eq!(Path::new(app), folder.path().canonicalize().unwrap());
    assert!(Path::new(packages).join("seldon_core/__init__.py").exists());
    assert!(!path.contains(&"") && !path.contains(&"."), "{path:?}");
    server.signal(Signal::TERM).unwrap();
    server.wait(TIMEOUT).unwrap();
    assert!(!Path::new(packages).exists());
}

#[test]
fn modules_of_the_folder_hide_none_that_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["json", "socket", "numpy", "colorsys", "linecache"] {
        let file = folder.path().join(format!("{name}.py"));
        std::fs::write(file, "raise RuntimeError('hidden')").unwrap();
    }
    std::fs::write(folder.path().join("helper.py"), "VALUE = 'own'").unwrap();
    let source = "import colorsys, json, numpy, helper\nclass Hidden:\n    \
                  def predict(self, X, names):\n        return helper.VALUE\n";
    let server = started(folder.path(), "Hidden", source, &[]);
    let (status, response) = predict(&server, "x");
    assert_eq!((status, &response["strData"]), (200, &json!("own")));
}

#[test]
fn a_list_of_processes_shows_a_short_line_for_each_worker() {
    let server = command("Scripted")
        .args(["--workers", "2"])
        .start()
        .unwrap();
    let pid = worker(&server);
    assert!(children(server.pid()).contains(&pid));
    let mut lines: Vec<String> = children(server.pid())
        .into_iter()
        .map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
            let line = String::from_utf8(line).unwrap();
            let words: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
            words[1..].join(" ").trim_end().to_owned()
        })
        .collect();
    lines.sort_unstable();
    let expected = [
        "- Scripted REST 0",
        "- Scripted REST 1",
        "- Scripted template",
    ];
    assert_eq!(lines, expected[..2 + templates()]);
    let pid = format!(" pid={pid}");
    assert!(server.wait_for_log(&pid).contains("component loaded"));
}

#[test]
fn a_component_opens_a_port_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let source = r#"
import http.server, threading

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"mine")

class Own:
    def __init__(self):
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def predict(self, X, names):
        return {"port": self.server.server_port}
"#;
    let server = started(folder.path(), "Own", source, &[]);
    let (status, response) = predict(&server, "x");
    assert_eq!(status, 200, "{response}");
    let port = u16::try_from(response["jsonData"]["port"].as_u64().unwrap()).unwrap();
    let own = Request::get("/")
        .send(([127, 0, 0, 1], port).into(), TIMEOUT)
        .unwrap();
    assert_eq!((own.status, &own.body[..]), (200, &b"mine"[..]));
    eventually("its own handler's line", || {
        server
            .log()
            .iter()
            .any(|line| line.contains("\"GET / HTTP/1.1\" 200 -"))
    });
}
