//! How many connections each port may have, so that descriptors are left for everything else.

#[cfg(feature = "metrics")]
use std::borrow::Cow;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use streeling_config::Settings;
#[cfg(feature = "metrics")]
use streeling_core::{MetricSource, Sample};
use streeling_net::{ConnectionLimit, Connections, Together};

/// Descriptors that the server itself has open: listeners, logs, the runtimes, exporters of traces,
/// files that are read now and then.
const OWN: u64 = 64;

/// Connections of the metrics port. Prometheus and a kubelet need a handful.
const METRICS: usize = 64;

/// Descriptors of a worker beside one for each of its threads: its control socket, what it prints,
/// its stacks.
const WORKER: u64 = 6;

/// As many connections as a port has at most by default: at some 20 kB each, a gigabyte.
const MOST: u64 = 50_000;

/// Connections that REST and gRPC have each, however many the other has; an eighth of all where
/// descriptors are few.
const LEAST: u64 = 1024;

/// How long connections of REST and gRPC have been idle that make room for others.
const IDLE: Duration = Duration::from_secs(2);

/// The same of the metrics port: probes are to get their response within a tenth of a second, and
/// who probes sends a request at once.
const IDLE_METRICS: Duration = Duration::from_millis(10);

/// The connections of every port.
#[derive(Clone, Debug)]
pub(crate) struct PortConnections {
    #[cfg_attr(
        not(any(feature = "rest", feature = "metrics")),
        expect(dead_code, reason = "no port for it")
    )]
    pub(crate) rest: Connections,
    #[cfg_attr(
        not(any(feature = "grpc", feature = "metrics")),
        expect(dead_code, reason = "no port for it")
    )]
    pub(crate) grpc: Connections,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "no port for it"))]
    pub(crate) metrics: Connections,
}

impl PortConnections {
    pub(crate) fn new(settings: &Settings) -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let Limits { each, together } = limits(settings, descriptors);
        if let Some(wanted) = settings.listen.max_connections
            && wanted > each
        {
            tracing::warn!(
                "--max-connections (STREELING_MAX_CONNECTIONS) is {wanted}, the limit of open \
                 files ({descriptors}, see ulimit -n) allows {each}"
            );
        }
        let limit = ConnectionLimit {
            most: each,
            idle: IDLE,
            setting: "--max-connections (STREELING_MAX_CONNECTIONS)",
        };
        let together = Together::new(together);
        let metrics = ConnectionLimit {
            most: METRICS,
            idle: IDLE_METRICS,
            ..ConnectionLimit::default()
        };
        Self {
            rest: Connections::new("REST", limit, together.clone()),
            grpc: Connections::new("gRPC", limit, together),
            metrics: Connections::new("metrics", metrics, Together::default()),
        }
    }

    /// The metrics of the connections.
    #[cfg(feature = "metrics")]
    pub(crate) fn metric_source(&self) -> MetricSource {
        let Self {
            rest,
            grpc,
            metrics,
        } = self.clone();
        std::sync::Arc::new(move |out| {
            for (port, connections) in [("rest", &rest), ("grpc", &grpc), ("metrics", &metrics)] {
                sample(port, connections, out);
            }
        })
    }
}

#[cfg(feature = "metrics")]
#[expect(clippy::cast_precision_loss, reason = "none of them comes near 2^53")]
fn sample(port: &'static str, connections: &Connections, out: &mut Vec<Sample>) {
    let counted = connections.counted();
    let mut push = |name, help, value| {
        out.push(Sample {
            name,
            help,
            labels: vec![("port", Cow::Borrowed(port))],
            value,
        });
    };
    push(
        "streeling_connections",
        "Connections that are open.",
        counted.open as f64,
    );
    push(
        "streeling_connections_limit",
        "Connections that may be open.",
        counted.limit as f64,
    );
    push(
        "streeling_connections_shed_total",
        "Idle connections that were closed to make room for others.",
        counted.shed as f64,
    );
    push(
        "streeling_connections_waited_total",
        "Connections that had to wait, since there were as many as there may be.",
        counted.waited as f64,
    );
    push(
        "streeling_accept_failures_total",
        "Failures of the system to give a connection, for want of descriptors or memory.",
        counted.failed as f64,
    );
    push(
        "streeling_streams_refused_total",
        "Requests refused since their connection had as many under way as it may have.",
        counted.refused as f64,
    );
    for (reason, number) in counted.cut {
        out.push(Sample {
            name: "streeling_connections_cut_total",
            help: "Connections that were cut for what their clients did.",
            labels: vec![
                ("port", Cow::Borrowed(port)),
                ("reason", Cow::Borrowed(reason.name())),
            ],
            value: number as f64,
        });
    }
}

/// How many connections there may be.
#[derive(Debug, PartialEq, Eq)]
struct Limits {
    /// Of REST, and of gRPC.
    each: usize,
    /// Of both.
    together: usize,
}

/// What so many descriptors allow.
fn limits(settings: &Settings, descriptors: u64) -> Limits {
    let pools = [
        (settings.rest.workers, settings.rest.threads),
        (settings.grpc.workers, settings.grpc.threads),
    ];
    // Twice, since a successor is there before its predecessor has left.
    let workers =
        pools.map(|(workers, threads)| 2 * u64::from(workers) * (u64::from(threads) + WORKER));
    let kept = OWN + METRICS as u64 + workers.iter().sum::<u64>();
    // Where workers would need all there are, clients get a quarter of them nevertheless.
    let left = descriptors.saturating_sub(kept).max(descriptors / 4).max(2);
    let each = match settings.listen.max_connections {
        Some(most) => left.min(most as u64),
        None => (left - LEAST.min((left / 8).max(1))).min(MOST),
    };
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Limits {
        each: number(each),
        together: number(left),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use streeling_config::{Annotations, Environment, Features};

    use super::*;

    fn with(args: &[&str], descriptors: u64) -> Limits {
        let args = ["streeling", "Iris"].iter().chain(args).map(OsString::from);
        let (environment, annotations) = (Environment::default(), Annotations::default());
        let loaded = Settings::load(Features::ALL, args, &environment, &annotations).unwrap();
        limits(&loaded.settings, descriptors)
    }

    #[test]
    fn descriptors_are_kept_back_for_workers_probes_and_logs() {
        // 64 of the server's own, 64 for probes, two workers with 10 threads and their successors.
        let Limits { each, together } = with(&[], 1024);
        assert_eq!((each, together), (728, 832));
        let many = with(&["--workers", "4", "--threads", "20"], 1024);
        assert_eq!(many.together, 1024 - 128 - 2 * 4 * 26 - 2 * 26);
        // One port cannot take everything from the other.
        let Limits { each, together } = with(&[], 20_000);
        assert_eq!((each, together), (18_784, 19_808));
        assert_eq!(with(&[], u64::MAX).each, 50_000);
    }

    #[test]
    fn few_descriptors_still_allow_connections() {
        let Limits { each, together } = with(&["--workers", "64"], 256);
        assert_eq!((each, together), (56, 64));
        assert_eq!(with(&[], 0).each, 1);
    }

    #[test]
    fn what_was_set_holds_where_it_fits() {
        assert_eq!(with(&["--max-connections", "7"], 1024).each, 7);
        assert_eq!(with(&["--max-connections", "5000"], 1024).each, 832);
        assert_eq!(with(&["--max-connections", "60000"], 1 << 20).each, 60_000);
    }
}
