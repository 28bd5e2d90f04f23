//! `streeling test`: what `seldon-core-microservice-tester` does.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::options::{count, count_of, pace, pace_options, read, runtime, seed};
use super::output::{print, progress};
use crate::contract::{Contract, Dice, Layout};
use crate::latency::Latencies;
use crate::messages::Messages;
use crate::reply::Reply;
use crate::request::{Request, Sent};
use crate::run::send;
use crate::target::Target;
use crate::verdict::info;

/// Failures that are shown.
const EXAMPLES: usize = 5;

const FEEDBACK: &str = "send-feedback";

/// What the server may be sent: the flag's value, the path over REST, the call over gRPC.
const ENDPOINTS: [(&str, &str, &str); 3] = [
    ("predict", "/predict", "Model/Predict"),
    (FEEDBACK, "/send-feedback", "Model/SendFeedback"),
    (
        "transform-input",
        "/transform-input",
        "Transformer/TransformInput",
    ),
];

const HELP: &str = "\
The flags are those of seldon-core-microservice-tester; docs/compare.md says what a contract is.
Exit code: 0 if every request was served, 1 if one was not, 2 if none could be sent.";

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    Command::new("test")
        .bin_name("streeling test")
        .about("Send a server random requests that a contract describes")
        .after_help(HELP)
        .arg(
            Arg::new("contract")
                .value_name("CONTRACT")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("File with features and targets"),
        )
        .arg(
            Arg::new("host")
                .value_name("HOST")
                .required(true)
                .help("Where the server is"),
        )
        .arg(
            Arg::new("port")
                .value_name("PORT")
                .required(true)
                .value_parser(clap::value_parser!(u16).range(1..))
                .help("Its port: with --grpc the one of gRPC"),
        )
        .arg(
            Arg::new("endpoint")
                .long("endpoint")
                .default_value("predict")
                .value_parser(ENDPOINTS.map(|(name, ..)| name))
                .help("What is called"),
        )
        .arg(count("batch-size", "1", "Rows in a request").short('b'))
        .arg(count("n-requests", "1", "How many requests").short('n'))
        .arg(flag("grpc", "Use gRPC instead of REST"))
        .arg(flag("tensor", "Send a tensor instead of an ndarray").short('t'))
        .arg(
            flag("prnt", "Print requests and responses")
                .short('p')
                .alias("print"),
        )
        .arg(
            // There is no log here; scripts may set it.
            Arg::new("log-level")
                .long("log-level")
                .value_parser(["DEBUG", "INFO", "ERROR"])
                .hide(true),
        )
        .args(pace_options())
}

pub(super) fn run(matches: &ArgMatches) -> Result<bool, String> {
    let path: &PathBuf = matches.get_one("contract").expect("it is required");
    let in_contract = |error| format!("{}: {error}", path.display());
    let contract = Contract::parse(&read(path)?).map_err(in_contract)?;
    let messages = Messages::new();
    let requests = requests(matches, &contract, &messages).map_err(in_contract)?;
    let sent = runtime()?.block_on(send_all(matches, requests))?;
    if matches.get_flag("prnt") {
        for (request, reply) in &sent {
            print(&format!(
                "request   {}\nresponse  {}\n",
                request_text(request, &messages),
                reply_text(request, reply, &messages)
            ))?;
        }
    }
    let failed: Vec<_> = sent.iter().filter_map(|(_, reply)| fault(reply)).collect();
    for fault in failed.iter().take(EXAMPLES) {
        print(&format!("failed    {fault}\n"))?;
    }
    print(&summary(&sent, failed.len()))?;
    Ok(failed.is_empty())
}

/// The requests that a contract describes. Feedback needs a response first, so they are predictions
/// for it.
fn requests(
    matches: &ArgMatches,
    contract: &Contract,
    messages: &Messages,
) -> Result<Vec<Request>, String> {
    let layout = if matches.get_flag("tensor") {
        Layout::Tensor
    } else {
        Layout::Ndarray
    };
    let (_, path, call) = match endpoint(matches) {
        (FEEDBACK, ..) => ENDPOINTS[0],
        other => other,
    };
    let rows = count_of(matches, "batch-size");
    let mut dice = Dice::new(seed(matches));
    let one = |_| {
        let body = contract.message(rows, layout, &mut dice)?;
        let line = if matches.get_flag("grpc") {
            json!({"call": call, "message": body})
        } else {
            json!({"path": path, "json": body})
        };
        Request::from_json(line, messages)
    };
    (0..count_of(matches, "n-requests")).map(one).collect()
}

fn endpoint(matches: &ArgMatches) -> (&'static str, &'static str, &'static str) {
    let name: &String = matches.get_one("endpoint").expect("it has a default");
    let found = ENDPOINTS.into_iter().find(|(known, ..)| known == name);
    found.expect("clap knows the same endpoints")
}

type SentRequest = (Request, Result<Reply, String>);

async fn send_all(
    matches: &ArgMatches,
    requests: Vec<Request>,
) -> Result<Vec<SentRequest>, String> {
    let host: &String = matches.get_one("host").expect("it is required");
    let port: &u16 = matches.get_one("port").expect("it is required");
    let scheme = if matches.get_flag("grpc") {
        "grpc"
    } else {
        "http"
    };
    let pace = pace(matches);
    let target =
        Target::parse(&format!("{scheme}://{host}:{port}")).map_err(|error| error.to_string())?;
    let reached = target.reach(&requests, pace.timeout).await;
    reached.map_err(|error| error.to_string())?;
    let is_feedback = endpoint(matches).0 == FEEDBACK;
    let bar = progress(requests.len() * if is_feedback { 2 } else { 1 });
    let step = bar.clone();
    let step = move || step.inc(1);
    let replies = send(&target, &requests, pace, step.clone()).await;
    let mut sent: Vec<SentRequest> = requests.into_iter().zip(replies).collect();
    if is_feedback {
        let served = sent.iter().filter_map(|(request, reply)| {
            let reply = reply.as_ref().ok().filter(|reply| reply.is_success())?;
            Some(feedback(request, reply))
        });
        let feedback: Vec<_> = served.collect();
        let replies = send(&target, &feedback, pace, step).await;
        sent.extend(feedback.into_iter().zip(replies));
    }
    bar.finish_and_clear();
    Ok(sent)
}

/// Feedback on a prediction and its response, with the reward 1. What came back is sent as it is.
fn feedback(request: &Request, reply: &Reply) -> Request {
    let (name, path, call) = ENDPOINTS[1];
    let mut feedback = request.clone();
    name.clone_into(&mut feedback.name);
    match &mut feedback.sent {
        Sent::Http(http) => {
            let mut body = br#"{"request":"#.to_vec();
            body.extend(http.body.iter().flatten());
            body.extend(br#","response":"#);
            body.extend(&reply.body);
            body.extend(br#","reward":1.0}"#);
            http.body = Some(body.into());
            path.clone_into(&mut http.path);
        }
        Sent::Call(made) => {
            made.message = Messages::feedback(&made.message, &reply.body, 1.0).into();
            call.clone_into(&mut made.call);
        }
    }
    feedback
}

/// Why a request was not served, if it was not.
fn fault(reply: &Result<Reply, String>) -> Option<String> {
    match reply {
        Ok(reply) if reply.is_success() => None,
        Ok(reply) => Some(format!("{}: {}", reply.status_name(), info(reply))),
        Err(error) => Some(error.clone()),
    }
}

fn request_text(request: &Request, messages: &Messages) -> String {
    match &request.sent {
        Sent::Http(http) => {
            String::from_utf8_lossy(http.body.as_deref().unwrap_or_default()).into()
        }
        Sent::Call(call) => messages
            .sent(&call.call, &call.message)
            .map_or_else(|error| error, |json| json.to_string()),
    }
}

fn reply_text(request: &Request, reply: &Result<Reply, String>, messages: &Messages) -> String {
    match reply {
        Ok(reply) => match &request.sent {
            Sent::Call(call) if reply.is_success() => messages
                .response(&call.call, &reply.body)
                .map_or_else(|error| error, |json| json.to_string()),
            Sent::Call(_) => format!("{}: {}", reply.status_name(), reply.text),
            Sent::Http(_) => String::from_utf8_lossy(&reply.body).trim().to_owned(),
        },
        Err(error) => error.clone(),
    }
}

fn summary(sent: &[SentRequest], failed: usize) -> String {
    let replies = sent.iter().filter_map(|(_, reply)| reply.as_ref().ok());
    let times: Latencies = replies.map(|reply| reply.took).collect();
    format!(
        "{} requests: {} served, {failed} failed; milliseconds: p50 {}, p90 {}, p99 {}, max {}\n",
        sent.len(),
        sent.len() - failed,
        times.shown(50),
        times.shown(90),
        times.shown(99),
        times.shown(100)
    )
}
