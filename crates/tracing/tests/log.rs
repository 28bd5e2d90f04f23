//! The log of a process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Guards against a hang.
const TIMEOUT: Duration = Duration::from_secs(60);

use serde_json::Value;

/// The programs that the tests run as processes of their own.
mod child {
    use std::sync::Arc;

    use streeling_core::{Code, RequestContext, RequestId, Transport};
    use streeling_tracing::{LevelFilter, LogConfig, LogFormat, init_log};

    fn log(format: LogFormat) -> streeling_tracing::LogGuard {
        init_log(LogConfig {
            level: LevelFilter::INFO,
            format,
        })
        .unwrap()
    }

    fn logs_messages() {
        static TEST: Transport = Transport {
            name: "test",
            abandoned: Code::numbered(499),
            id_headers: &["x-request-id"],
        };

        tracing::info!(target: "streeling::test", number = 5, "before\nand\r\u{1b}[2J more");
        let request = Arc::new(RequestContext::new(
            &TEST,
            RequestId::given("id-1").unwrap(),
        ));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let within = request.scope(async {
            tracing::warn!(target: "streeling::test", "within");
            let broken = std::panic::catch_unwind(|| panic!("on \"purpose\""));
            assert!(broken.is_err());
        });
        runtime.unwrap().block_on(within);
        tracing::info!(target: "streeling::test", "after");
    }

    #[test]
    #[ignore = "a process of another test"]
    fn logs_messages_as_text() {
        let _log = log(LogFormat::Text);
        logs_messages();
    }

    #[test]
    #[ignore = "a process of another test"]
    fn logs_messages_as_json() {
        let _log = log(LogFormat::Json);
        logs_messages();
    }

    #[test]
    #[ignore = "a process of another test"]
    fn logs_much() {
        let _log = log(LogFormat::Text);
        let text = "x".repeat(1000);
        for _ in 0..20_000 {
            tracing::info!(target: "streeling::test", "{text}");
        }
    }
}

/// Runs one of the programs in `child`.
fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            &format!("child::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn lines_have_request_ids_and_panics_are_logged() {
    let text = lines(&command("logs_messages_as_text").output().unwrap());
    // Fields stand on the first line of a message, and further lines are indented.
    let first = " INFO streeling::test: before number=5";
    assert!(text[0].ends_with(first), "{text:?}");
    assert_eq!(text[1], r"    and\r\x1b[2J more");
    assert!(text[2].ends_with("within request_id=id-1"), "{text:?}");
    assert!(
        text[3].contains("ERROR") && text[3].contains("panicked at"),
        "{text:?}"
    );
    assert!(text[3].ends_with(": request_id=id-1"), "{text:?}");
    assert_eq!(text[4], "    on \"purpose\"");
    assert!(text[5].ends_with("after") && text.len() == 6, "{text:?}");

    let json = lines(&command("logs_messages_as_json").output().unwrap());
    let json: Vec<Value> = json
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let ids: Vec<Option<&str>> = json
        .iter()
        .map(|line| line["request_id"].as_str())
        .collect();
    assert_eq!(ids, [None, Some("id-1"), Some("id-1"), None]);
    assert_eq!(json[0]["message"], "before\nand\r\u{1b}[2J more");
    assert_eq!(json[0]["number"], 5);
    let message = json[2]["message"].as_str().unwrap();
    assert!(message.ends_with("on \"purpose\""), "{message}");
}

#[test]
fn a_log_without_a_reader_blocks_no_thread() {
    let since = Instant::now();
    let mut child = command("logs_much").spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < TIMEOUT, "the process is blocked");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The pipe is full of the first lines.
    let output = child.wait_with_output().unwrap();
    let kept = lines(&output).len();
    assert!((10..20_000).contains(&kept), "{kept}");
}
