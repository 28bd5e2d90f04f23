//! What a comparison has shown: one page for the terminal, in Markdown or in HTML.

mod html;
mod markdown;
mod plot;
mod table;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kinds::{by_kind, kind};
use crate::latency::Latencies;
use crate::messages::Messages;
use crate::reply::Reply;
use crate::request::Request;
use crate::run::Exchange;
use crate::verdict::{Verdict, judge};
use crate::{Pace, Rules};

/// One request for which the two servers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The request's name.
    pub request: String,
    /// Its path or call.
    pub route: String,
    /// One line for each way in which they differ.
    pub lines: Vec<String>,
}

/// What is known of the run besides its exchanges.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The old server, as it was named.
    pub(crate) old: String,
    /// The new server, as it was named.
    pub(crate) new: String,
    /// The file of requests.
    pub(crate) requests: String,
    /// When the run started, in UTC.
    pub(crate) at: String,
    pub(crate) rules: Rules,
    pub(crate) excuse_errors: bool,
    pub(crate) pace: Pace,
}

/// What a comparison has shown.
#[derive(Clone, Debug)]
pub struct Report {
    about: About,
    total: usize,
    same: usize,
    excused: usize,
    differences: Vec<Difference>,
    routes: Vec<Route>,
    all: Times,
}

/// One path or call.
#[derive(Clone, Debug, Default)]
struct Route {
    name: String,
    times: Times,
}

/// How long both servers took.
#[derive(Clone, Debug, Default)]
struct Times {
    old: Latencies,
    new: Latencies,
}

/// Percentiles that the page shows.
const PERCENTILES: [usize; 4] = [50, 90, 99, 100];

/// Examples that the page shows of each kind of difference.
const EXAMPLES: usize = 3;

impl Report {
    pub(crate) fn new(
        about: About,
        requests: &[Request],
        exchanges: &[Exchange],
        messages: &Messages,
    ) -> Self {
        let mut report = Self {
            about,
            total: requests.len(),
            same: 0,
            excused: 0,
            differences: Vec::new(),
            routes: Vec::new(),
            all: Times::of(exchanges.iter()),
        };
        let mut by_route: BTreeMap<&str, Vec<&Exchange>> = BTreeMap::new();
        for (request, exchange) in requests.iter().zip(exchanges) {
            by_route.entry(request.route()).or_default().push(exchange);
            match report.judge(request, exchange, messages) {
                Verdict::Same => report.same += 1,
                Verdict::Excused => report.excused += 1,
                Verdict::Differs(lines) => report.differences.push(Difference {
                    request: request.name.clone(),
                    route: request.route().to_owned(),
                    lines,
                }),
            }
        }
        let routes = by_route.into_iter();
        report.routes = routes
            .map(|(name, exchanges)| Route {
                name: name.to_owned(),
                times: Times::of(exchanges.into_iter()),
            })
            .collect();
        report
    }

    fn judge(&self, request: &Request, exchange: &Exchange, messages: &Messages) -> Verdict {
        let (rules, excuse) = (self.about.rules, self.about.excuse_errors);
        match (&exchange.old, &exchange.new) {
            (Ok(old), Ok(new)) => judge(request, (old, new), rules, excuse, messages),
            (old, new) => {
                let missing = [("old", old), ("new", new)];
                let lines = missing.into_iter().filter_map(|(name, reply)| {
                    let error = reply.as_ref().err()?;
                    Some(format!("no response from the {name} server: {error}"))
                });
                Verdict::Differs(lines.collect())
            }
        }
    }

    /// The requests for which the servers differ.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// The outcome in one sentence.
    fn verdict(&self) -> String {
        let excused = match self.excused {
            0 => String::new(),
            count => format!("; {count} that the old server does not serve were not compared"),
        };
        if self.differences.is_empty() {
            format!(
                "No difference: {} of {} responses are equal{excused}.",
                self.same, self.total
            )
        } else {
            format!(
                "{} of {} responses differ, {} are equal{excused}.",
                self.differences.len(),
                self.total,
                self.same
            )
        }
    }

    /// What was compared, as pairs of a name and a value.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let about = &self.about;
        let errors = if about.excuse_errors {
            "where the old server responds with 400, 500 or a gRPC error, any response will do"
        } else {
            "compared like all other responses"
        };
        vec![
            ("Old server", about.old.clone()),
            ("New server", about.new.clone()),
            ("Requests", format!("{} ({})", about.requests, self.total)),
            ("Time", about.at.clone()),
            (
                "Equal means",
                format!(
                    "status, content type and body; JSON by value, floats within a relative {:e}",
                    about.rules.tolerance
                ),
            ),
            ("Errors", errors.to_owned()),
            (
                "In flight at each server",
                about.pace.concurrency.to_string(),
            ),
        ]
    }

    /// The differences by their kind: requests to one route whose first line is alike.
    fn kinds(&self) -> Vec<(String, Vec<&Difference>)> {
        by_kind(&self.differences, |difference| {
            let line = difference.lines.first().map(String::as_str);
            format!("{}: {}", difference.route, kind(line.unwrap_or_default()))
        })
    }
}

impl Times {
    fn of<'a>(exchanges: impl Iterator<Item = &'a Exchange> + Clone) -> Self {
        let took = |reply: &Result<Reply, String>| -> Option<Duration> {
            reply.as_ref().ok().map(|reply| reply.took)
        };
        Self {
            old: exchanges.clone().filter_map(|one| took(&one.old)).collect(),
            new: exchanges.filter_map(|one| took(&one.new)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
