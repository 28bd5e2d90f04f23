//! Which crate may depend on which: the edges between our crates, and what none of them may depend
//! on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::shell::{cargo, output};

/// For each crate, the crates of ours that it may name outside its tests. The picture is in
/// ARCHITECTURE.md.
const ALLOWED: &[(&str, &[&str])] = &[
    ("streeling-builtin", &["streeling-core"]),
    ("streeling-core", &[]),
    ("streeling-compare", &["streeling-proto"]),
    ("streeling-config", &[]),
    (
        "streeling-grpc",
        &[
            "streeling-codec",
            "streeling-core",
            "streeling-net",
            "streeling-proto",
        ],
    ),
    ("streeling-metrics", &["streeling-core", "streeling-net"]),
    ("streeling-net", &[]),
    ("streeling-onnx", &["streeling-core", "streeling-net"]),
    ("streeling-proto", &[]),
    ("streeling-codec", &["streeling-core"]),
    // Reading a large reply is offloaded, as in every transport.
    (
        "streeling-python",
        &["streeling-codec", "streeling-core", "streeling-net"],
    ),
    (
        "streeling-rest",
        &["streeling-codec", "streeling-core", "streeling-net"],
    ),
    (
        "streeling-testkit",
        &["streeling-compare", "streeling-core", "streeling-net"],
    ),
    ("streeling-tracing", &["streeling-core"]),
    (
        "streeling",
        &[
            "streeling-builtin",
            "streeling-compare",
            "streeling-config",
            "streeling-core",
            "streeling-grpc",
            "streeling-metrics",
            "streeling-net",
            "streeling-onnx",
            "streeling-python",
            "streeling-rest",
            "streeling-tracing",
        ],
    ),
    ("streeling-tests", &[]),
    (
        "xtask",
        &[
            "streeling-compare",
            "streeling-config",
            "streeling-core",
            "streeling-proto",
            "streeling-testkit",
        ],
    ),
];

/// For each crate, what of everyone else's must not be anywhere below it outside its tests.
const ABSENT: &[(&str, &[&str])] = &[
    (
        "streeling-core",
        &[
            "tokio",
            "hyper",
            "warp",
            "tonic",
            "prost",
            "clap",
            "prometheus",
        ],
    ),
    ("streeling-config", &["tokio", "hyper", "warp", "tonic"]),
    (
        "streeling-codec",
        &["tokio", "hyper", "warp", "clap", "serde_json"],
    ),
    // A client: no server. That tonic has TLS below it, is for the exporter of traces.
    (
        "streeling-compare",
        &[
            "warp",
            "axum",
            "prometheus",
            "command-fds",
            "reqwest",
            "native-tls",
            "openssl",
        ],
    ),
    (
        "streeling-python",
        &["hyper", "warp", "tonic", "clap", "prometheus"],
    ),
    (
        "streeling-rest",
        &[
            "warp",
            "tonic",
            "prost",
            "prometheus",
            "clap",
            "command-fds",
        ],
    ),
    (
        "streeling-grpc",
        &["warp", "prometheus", "clap", "command-fds", "axum"],
    ),
    (
        "streeling-metrics",
        &["tonic", "prost", "clap", "command-fds"],
    ),
    (
        "streeling-net",
        &["hyper", "warp", "tonic", "prost", "clap"],
    ),
    (
        "streeling-onnx",
        &[
            "hyper",
            "warp",
            "tonic",
            "clap",
            "prometheus",
            "command-fds",
        ],
    ),
    // hyper, tonic's client and rustls come with the exporter by OTLP; servers must not.
    (
        "streeling-tracing",
        &[
            "warp",
            "axum",
            "clap",
            "command-fds",
            "serde_yaml_ng",
            "reqwest",
            "native-tls",
            "openssl",
        ],
    ),
];

/// What only one crate of ours may name outside its tests, by the start of its name: or the lock
/// file ends up with versions of it that were never chosen.
const NAMED_BY: &[(&str, &str)] = &[
    ("opentelemetry", "streeling-tracing"),
    ("tract", "streeling-onnx"),
];

/// Checks these tables against what Cargo knows.
pub(crate) fn run() -> anyhow::Result<()> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let graph = Graph::new(&metadata).context("cargo metadata has an unknown form")?;
    let mut faults = Vec::new();
    for name in &graph.ours {
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            faults.push(format!(
                "{name} is not in the table of edges (xtask/src/edges.rs)"
            ));
            continue;
        };
        for found in graph
            .below(name)
            .filter(|below| graph.ours.contains(*below))
        {
            if !allowed.contains(&found) {
                faults.push(format!("{name} must not depend on {found}"));
            }
        }
    }
    for (start, only) in NAMED_BY {
        for name in graph.ours.iter().filter(|name| *name != only) {
            for found in graph.below(name).filter(|found| found.starts_with(start)) {
                faults.push(format!("{name} must not name {found}, only {only} may"));
            }
        }
    }
    for (name, absent) in ABSENT {
        let reached = graph.reached(name);
        for found in absent.iter().filter(|absent| reached.contains(**absent)) {
            faults.push(format!(
                "{name} must not have {found} below it (cargo tree -p {name} -i {found})"
            ));
        }
    }
    if !faults.is_empty() {
        bail!(
            "{}\nthe allowed edges are in xtask/src/edges.rs and ARCHITECTURE.md",
            faults.join("\n")
        );
    }
    Ok(())
}

/// Packages by name, with what each names outside its tests.
struct Graph<'a> {
    ours: BTreeSet<&'a str>,
    edges: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Value) -> Option<Self> {
        let names: BTreeMap<&str, &str> = metadata["packages"]
            .as_array()?
            .iter()
            .map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect::<Option<_>>()?;
        let ours = metadata["workspace_members"]
            .as_array()?
            .iter()
            .map(|id| names.get(id.as_str()?).copied())
            .collect::<Option<_>>()?;
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array()? {
            let from = names.get(node["id"].as_str()?)?;
            for dependency in node["deps"].as_array()? {
                // `kind` is null for what is needed to run; "dev" and "build" are not.
                let kinds = dependency["dep_kinds"].as_array()?;
                if kinds.iter().any(|kind| kind["kind"].is_null()) {
                    let to = names.get(dependency["pkg"].as_str()?)?;
                    edges.entry(from).or_default().insert(to);
                }
            }
        }
        Some(Self { ours, edges })
    }

    fn below(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.edges.get(name).into_iter().flatten().copied()
    }

    fn reached(&self, name: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut todo = vec![name];
        while let Some(next) = todo.pop() {
            todo.extend(self.below(next).filter(|found| reached.insert(*found)));
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn graph_follows_what_runs_and_leaves_out_what_tests() {
        let metadata = json!({
            "packages": [
                {"id": "a 1", "name": "a"}, {"id": "b 1", "name": "b"},
                {"id": "c 1", "name": "c"}, {"id": "d 1", "name": "d"},
            ],
            "workspace_members": ["a 1"],
            "resolve": {"nodes": [
                {"id": "a 1", "deps": [
                    {"pkg": "b 1", "dep_kinds": [{"kind": null}]},
                    {"pkg": "d 1", "dep_kinds": [{"kind": "dev"}]},
                ]},
                {"id": "b 1", "deps": [
                    {"pkg": "c 1", "dep_kinds": [{"kind": "build"}, {"kind": null}]},
                ]},
            ]},
        });
        let graph = Graph::new(&metadata).unwrap();
        assert_eq!(graph.ours, BTreeSet::from(["a"]));
        assert_eq!(graph.reached("a"), BTreeSet::from(["b", "c"]));
    }
}
