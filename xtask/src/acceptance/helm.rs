//! The chart, by a real helm: its objects are those of `deploy/kubernetes`, and whatever is
//! switched off or added, what is left is what a cluster takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::manifests::{self, Manifest};
use crate::shell::{output, root, run as run_command};
use crate::tools;

/// Versions of Kubernetes: the oldest that the chart takes, and the newest that it is tried with.
const VERSIONS: [&str; 2] = ["1.30.0", "1.37.0"];

/// One that is too old.
const TOO_OLD: &str = "1.29.9";

/// Values that change which objects there are, and what refers to what.
const VARIANTS: &[&[&str]] = &[
    &["server.grpcWorkers=0"],
    &["autoscaling.enabled=false"],
    &["service.enabled=false"],
    &[
        "podMonitor.enabled=false",
        "podDisruptionBudget.enabled=false",
    ],
    &["networkPolicy.enabled=false"],
    &[
        "networkPolicy.prometheus=null",
        "podMonitor.labels.release=prometheus",
    ],
    &[
        "fullnameOverride=sales",
        "podLabels.team=a",
        "podAnnotations.note=b",
    ],
    &["server.gracefulTimeout=120", "probes.startupSeconds=33"],
    &[
        "args={--max-requests=1000}",
        "env[0].name=SELDON_LOG_LEVEL",
        "env[0].value=DEBUG",
    ],
    &[
        "volumes[0].name=model",
        "volumeMounts[0].name=model",
        "volumeMounts[0].mountPath=/model",
    ],
];

/// Values that the schema or the server refuses, one at a time.
const REFUSED: &[&str] = &["server.worker=4", "server.workers=many", "image.tag="];

/// Checks the chart, and what it makes.
pub(super) fn run() -> anyhow::Result<String> {
    let helm = Helm {
        program: tools::helm()?,
        chart: root().join("deploy/helm/streeling"),
    };
    run_command(
        Command::new(&helm.program)
            .args(["lint", "--strict"])
            .arg(&helm.chart),
    )?;
    let plain = manifests::plain()?;
    for version in VERSIONS {
        let text = helm.template(&["--kube-version", version])?;
        compare(&plain, &manifests::rendered(&text)?)
            .with_context(|| format!("Kubernetes {version}"))?;
    }
    for variant in VARIANTS {
        let text = helm.template_with(variant)?;
        manifests::rendered(&text).with_context(|| variant.join(" "))?;
    }
    for refused in REFUSED {
        if helm.template_with(&[refused]).is_ok() {
            bail!("helm takes {refused}");
        }
    }
    if helm.template(&["--kube-version", TOO_OLD]).is_ok() {
        bail!("helm takes Kubernetes {TOO_OLD}");
    }
    Ok(format!(
        "{} objects equal deploy/kubernetes, {} variants fit together",
        plain.len(),
        VARIANTS.len()
    ))
}

struct Helm {
    program: PathBuf,
    chart: PathBuf,
}

impl Helm {
    fn template(&self, options: &[&str]) -> anyhow::Result<String> {
        let chart: &Path = &self.chart;
        output(
            Command::new(&self.program)
                .args(["template", "iris"])
                .arg(chart)
                .args(options),
        )
    }

    fn template_with(&self, values: &[&str]) -> anyhow::Result<String> {
        let mut options = vec!["--kube-version", VERSIONS[0]];
        for value in values {
            options.extend(["--set", value]);
        }
        self.template(&options)
    }
}

/// Fails unless both have the same objects.
fn compare(plain: &[Manifest], rendered: &[Manifest]) -> anyhow::Result<()> {
    let mut problems = Vec::new();
    for object in plain {
        let identity = object.identity();
        match rendered.iter().find(|other| other.identity() == identity) {
            None => problems.push(format!("the chart does not make {identity:?}")),
            Some(other) => {
                let differences = object.differences(other);
                problems.extend(
                    differences
                        .iter()
                        .map(|place| format!("{identity:?}: {place}")),
                );
            }
        }
    }
    for object in rendered {
        let identity = object.identity();
        if !plain.iter().any(|other| other.identity() == identity) {
            problems.push(format!("only the chart makes {identity:?}"));
        }
    }
    if !problems.is_empty() {
        bail!("\n  {}", problems.join("\n  "));
    }
    Ok(())
}
