//! `cargo xtask conformance`: records the golden file from seldon-core, or compares a
//! server with it.

mod check;
mod oip;
mod progress;
mod pythons;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use streeling_testkit::{
    Golden, Group, Launch, Snapshot, StartError, Stubs, Suite, Target, Transport, load_groups,
};

use self::check::check;
use self::progress::Progress;
pub(crate) use self::pythons::{environment, python};
use crate::venv;

const USAGE: &str = "\
usage: cargo xtask conformance record [--transport rest|grpc] [--only COMPONENT] [--peer DIR]
                                      [--check]
       cargo xtask conformance compare --server PROGRAM --python DIR [--transport rest|grpc]
                                       [--only COMPONENT] [--strict]
       cargo xtask conformance oip [--peer mlserver|kserve] [--only GROUP] [--check]

record    sends seldon-core every request of tests/conformance/exchanges and writes its responses
          to tests/conformance/golden/rest.json and grpc.json
  --transport NAME   only this one; default both
  --only COMPONENT   record the groups of one component and keep the other responses
  --peer DIR         virtual environment that holds seldon-core, and TensorFlow for the groups that
                     need it; default .peer and .peer-tensorflow, made if missing
  --check            compare with the golden file instead of writing it
compare   starts PROGRAM for every group and prints where it differs from the golden file and
          tests/conformance/differences.toml
  --server PROGRAM   a server with seldon-core's command line
  --python DIR       virtual environment with numpy that the components run in; some texts of the
                     golden file are Python's and numpy's own, so take the versions it names
  --strict           allow no differences, as when seldon-core is compared with itself";

/// What the golden file is recorded from.
const PEER: [&str; 2] = ["setuptools<81", "seldon-core==1.18.2"];

/// What stands beside it where it is to read a `tftensor`. It takes many times as long to start
/// then, so this is an environment of its own.
const TENSORFLOW: [&str; 2] = ["tensorflow-cpu==2.19.1", "numpy==1.26.4"];

/// Servers that run at once; most of a group's time is the start of a Python process.
const AT_ONCE: usize = 2;

/// How long seldon-core may take to start.
const START_DEADLINE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Options {
    transport: Option<Transport>,
    only: Option<String>,
    peer: Option<PathBuf>,
    server: Option<PathBuf>,
    python: Option<PathBuf>,
    check: bool,
    strict: bool,
}

/// Runs `conformance` with the arguments that follow it.
///
/// # Errors
///
/// Wrong arguments, a seldon-core that cannot be installed or started, a response that did not
/// come, a file that cannot be read or written, or a difference that was found.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some((_, rest)) = args.split_first().filter(|(task, _)| *task == "oip") {
        return oip::run(rest);
    }
    let (task, options) = parse(args)?;
    match task.as_str() {
        "record" => record(&options),
        "compare" => compare(&options),
        other => bail!("unknown task \"{other}\"\n{USAGE}"),
    }
}

fn parse(args: &[String]) -> anyhow::Result<(String, Options)> {
    let Some((task, rest)) = args.split_first() else {
        bail!("no task given\n{USAGE}")
    };
    let mut options = Options::default();
    let mut rest = rest.iter();
    while let Some(flag) = rest.next() {
        let mut value = || {
            rest.next()
                .cloned()
                .with_context(|| format!("{flag} needs a value\n{USAGE}"))
        };
        match flag.as_str() {
            "--transport" => options.transport = Some(transport(&value()?)?),
            "--only" => options.only = Some(value()?),
            "--peer" => options.peer = Some(value()?.into()),
            "--server" => options.server = Some(value()?.into()),
            "--python" => options.python = Some(value()?.into()),
            "--check" => options.check = true,
            "--strict" => options.strict = true,
            _ => bail!("unknown flag \"{flag}\"\n{USAGE}"),
        }
    }
    Ok((task.clone(), options))
}

fn transport(name: &str) -> anyhow::Result<Transport> {
    let found = Transport::ALL.into_iter().find(|one| one.name() == name);
    found.with_context(|| format!("no transport \"{name}\", there are rest and grpc"))
}

impl Options {
    /// The transports that were chosen and that have groups for the chosen component.
    fn transports(&self, folder: &Path) -> anyhow::Result<Vec<Transport>> {
        let mut found = Vec::new();
        let mut components = BTreeSet::new();
        for transport in Transport::ALL {
            if self.transport.is_some_and(|chosen| chosen != transport) {
                continue;
            }
            let groups = load_groups(folder, transport)?;
            let only = self.only.as_deref();
            if groups
                .iter()
                .any(|group| only.is_none_or(|only| group.component == only))
            {
                found.push(transport);
            }
            components.extend(groups.into_iter().map(|group| group.component));
        }
        let components: Vec<_> = components.into_iter().collect();
        ensure!(
            !found.is_empty(),
            "no component \"{}\", there are {}",
            self.only.as_deref().unwrap_or_default(),
            components.join(", ")
        );
        Ok(found)
    }
}

fn record(options: &Options) -> anyhow::Result<()> {
    let root = root()?;
    let folder = root.join("tests/conformance");
    for transport in options.transports(&folder)? {
        record_one(options, transport, &folder)?;
    }
    Ok(())
}

fn record_one(options: &Options, transport: Transport, folder: &Path) -> anyhow::Result<()> {
    let root = root()?;
    let groups = load_groups(folder, transport)?;
    let chosen = choose(&groups, options.only.as_deref());
    let logs = logs(&root, "record", transport)?;
    let launch = |peer: &Path| Launch {
        program: peer.join("bin/seldon-core-microservice"),
        arguments: Vec::new(),
        env: environment(peer),
        logs: logs.clone(),
        deadline: START_DEADLINE,
    };
    let peer = peer(&root, options.peer.as_deref())?;
    let stubs = Stubs::new(peer.join("bin/python"), &root);
    let plain = launch(&peer);
    let with_tensorflow = chosen
        .iter()
        .any(|group| group.tensorflow)
        .then(|| peer_with_tensorflow(&root, options.peer.as_deref()))
        .transpose()?
        .map(|peer| launch(&peer));
    let path = folder.join(transport.golden());
    let old = if path.exists() {
        Golden::load(&path)?
    } else {
        Golden::default()
    };

    let components = folder.join("components");
    let mut fresh = Golden::default();
    fresh.recorded = versions(&peer, transport)?;
    let fresh = Mutex::new(fresh);
    run_all(&chosen, |group| {
        let launch = with_tensorflow.as_ref().filter(|_| group.tensorflow);
        let launch = launch.unwrap_or(&plain);
        let responses = send(launch, group, &components, transport, &stubs)?;
        let mut fresh = fresh
            .lock()
            .expect("no recording thread panics while it holds the lock");
        match responses {
            None => fresh.insert_failed_start(&group.id),
            Some(responses) => {
                responses
                    .into_iter()
                    .for_each(|(id, snapshot)| fresh.insert(&id, snapshot));
            }
        }
        Ok(Vec::new())
    })?;
    let fresh = fresh.into_inner().context("a recording thread panicked")?;

    let golden = merge(fresh, &old, &groups, &chosen);
    let text = golden.to_text();
    if options.check {
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        return check(&path, &committed, &text);
    }
    std::fs::create_dir_all(path.parent().context("the golden file has a folder")?)?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say(&format!("{} responses in {}", golden.len(), path.display()))
}

/// The responses to a group's exchanges, or none if seldon-core does not start for it.
fn send(
    launch: &Launch,
    group: &Group,
    components: &Path,
    transport: Transport,
    stubs: &Stubs,
) -> anyhow::Result<Option<Vec<(String, Snapshot)>>> {
    let running = match launch.start(group, components) {
        Ok(running) => running,
        Err(StartError::Exited { .. }) => return Ok(None),
        Err(error) => return Err(error).context(group.id.clone()),
    };
    let mut responses = Vec::new();
    for (id, response) in group.send(Target::of(transport, &running, stubs)) {
        match response {
            Ok(snapshot) => responses.push((id, snapshot)),
            Err(error) => bail!("no response to {id}: {error}"),
        }
    }
    Ok(Some(responses))
}

/// The fresh responses, and the old ones of the groups that were not chosen but are still there.
fn merge(mut fresh: Golden, old: &Golden, groups: &[Group], chosen: &[&Group]) -> Golden {
    let mut kept = old.clone();
    let recorded: BTreeSet<_> = chosen.iter().map(|group| group.id.as_str()).collect();
    let others = groups
        .iter()
        .filter(|group| !recorded.contains(group.id.as_str()));
    let ids: BTreeSet<_> = others
        .flat_map(|group| {
            let exchanges = group.exchanges.iter().map(|exchange| exchange.id.as_str());
            exchanges.chain([group.id.as_str()])
        })
        .collect();
    kept.retain(|id| ids.contains(id));
    fresh.extend(kept);
    fresh
}

fn compare(options: &Options) -> anyhow::Result<()> {
    let root = root()?;
    let server = options
        .server
        .as_ref()
        .with_context(|| format!("no --server\n{USAGE}"))?;
    let server = server
        .canonicalize()
        .with_context(|| format!("no {}", server.display()))?;
    let python = options
        .python
        .as_ref()
        .with_context(|| format!("no --python\n{USAGE}"))?;
    // The servers run in folders of their own, and would look for another Python where this one is
    // not.
    let python = &python
        .join("bin/python")
        .exists()
        .then(|| std::path::absolute(python))
        .with_context(|| format!("no {}/bin/python", python.display()))??;
    let (mut mismatches, mut groups) = (0, 0);
    for transport in options.transports(&root.join("tests/conformance"))? {
        let mut suite = Suite::load(&root, transport)?;
        if options.strict {
            suite = suite.without_differences();
        }
        let stubs = match transport {
            Transport::Rest => Stubs::new(python.join("bin/python"), &root),
            Transport::Grpc => Stubs::new(venv::STUBS.ensure()?, &root),
        };
        let launch = Launch {
            program: server.clone(),
            arguments: Vec::new(),
            env: environment(python),
            logs: logs(&root, "compare", transport)?,
            deadline: START_DEADLINE,
        };
        let chosen = choose(suite.groups(), options.only.as_deref());
        let found = run_all(&chosen, |group| Ok(suite.run(&launch, group, &stubs)))?;
        for line in &found {
            say(line)?;
        }
        mismatches += found.len();
        groups += chosen.len();
    }
    ensure!(
        mismatches == 0,
        "{mismatches} mismatches in {groups} groups"
    );
    say(&format!("no mismatch in {groups} groups"))
}

fn choose<'a>(groups: &'a [Group], only: Option<&str>) -> Vec<&'a Group> {
    groups
        .iter()
        .filter(|group| only.is_none_or(|only| group.component == only))
        .collect()
}
/// Does `work` for every group, a few at once, and gathers the lines in the groups' order.
fn run_all(
    groups: &[&Group],
    work: impl Fn(&Group) -> anyhow::Result<Vec<String>> + Sync,
) -> anyhow::Result<Vec<String>> {
    let progress = Progress::new(groups.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(group);
                    progress.advance(&group.id);
                    if result.is_err() {
                        next.store(groups.len(), Ordering::Relaxed);
                    }
                    let mut done = done
                        .lock()
                        .expect("no worker panics while it holds the lock");
                    done.insert(group.id.clone(), result);
                }
            });
        }
    });
    progress.clear();
    let mut done = done.into_inner().context("a worker panicked")?;
    if let Some(id) = done
        .iter()
        .find_map(|(id, result)| result.is_err().then(|| id.clone()))
    {
        done.retain(|other, _| *other == id);
    }
    let mut lines = Vec::new();
    for result in groups.iter().filter_map(|group| done.remove(&group.id)) {
        lines.extend(result?);
    }
    Ok(lines)
}

/// seldon-core's virtual environment; the default one is made where it is missing.
pub(crate) fn peer(root: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    environment_with(&root.join(".peer"), given, &PEER)
}

/// The same with TensorFlow.
fn peer_with_tensorflow(root: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let packages = [PEER, TENSORFLOW].concat();
    environment_with(&root.join(".peer-tensorflow"), given, &packages)
}

/// The virtual environment that is given, or else the one in `peer`, made of `packages` where it is
/// missing.
fn environment_with(
    peer: &Path,
    given: Option<&Path>,
    packages: &[&str],
) -> anyhow::Result<PathBuf> {
    let program = |peer: &Path| peer.join("bin/seldon-core-microservice");
    if let Some(given) = given {
        ensure!(program(given).exists(), "no {}", program(given).display());
        return given
            .canonicalize()
            .with_context(|| format!("no {}", given.display()));
    }
    if program(peer).exists() {
        return Ok(peer.to_owned());
    }
    let python = python()?;
    say(&format!(
        "making {} with {python} and {}",
        peer.display(),
        packages.join(", ")
    ))?;
    let status = Command::new(&python)
        .args(["-m", "venv"])
        .arg(peer)
        .status()?;
    ensure!(status.success(), "{python} -m venv ended with {status}");
    let status = Command::new(peer.join("bin/pip"))
        .args(["install", "--disable-pip-version-check"])
        .args(packages)
        .status()?;
    ensure!(
        status.success(),
        "pip install {} ended with {status}",
        packages.join(" ")
    );
    Ok(peer.to_owned())
}

/// Versions of everything that shapes the responses.
fn versions(peer: &Path, transport: Transport) -> anyhow::Result<BTreeMap<String, String>> {
    let code = "import platform, sys, importlib.metadata as m\n\
                print('python', platform.python_version())\n\
                for name in sys.argv[1:]:\n\
                \x20   print(name, m.version(name))";
    let packages = match transport {
        Transport::Rest => ["flask", "gunicorn", "numpy", "seldon-core", "werkzeug"].as_slice(),
        Transport::Grpc => &["grpcio", "numpy", "protobuf", "seldon-core"],
    };
    let output = Command::new(peer.join("bin/python"))
        .args(["-c", code])
        .args(packages)
        .output()?;
    ensure!(
        output.status.success(),
        "cannot list the packages of {}",
        peer.display()
    );
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect())
}

fn logs(root: &Path, task: &str, transport: Transport) -> anyhow::Result<PathBuf> {
    let logs = root
        .join("target/conformance")
        .join(task)
        .join(transport.name());
    std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
    Ok(logs)
}

fn root() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask has a parent")?;
    Ok(root.to_owned())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(stderr(), "{line}").context("cannot write to standard error")
}
