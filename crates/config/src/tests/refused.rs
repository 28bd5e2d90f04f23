use super::*;

/// Values that must be refused, at least one for every row that can refuse any. Empty ones are
/// tried as flags only, since an empty variable is unset.
const BAD: &[(Key, &[&str])] = &[
    (Key::InterfaceName, &["", "a..b", "1a", "a/b.C", "a.b c"]),
    (Key::ServiceType, &["", "model", "MODELS"]),
    (
        Key::Parameters,
        &[
            "",
            "{",
            "{}",
            "null",
            r#"[{"name":"a","value":"1","type":"int"}]"#,
        ],
    ),
    (Key::Python, &["", "/no/such/python", "./no-such-python"]),
    (Key::AppDir, &["", "/no/such/folder", "/dev/null"]),
    (Key::Persistence, &["", "x", "-1"]),
    (Key::Check, &["2", "yes", "x"]),
    (Key::Host, &["", "example.org", "300.0.0.1", "0.0.0.0:9000"]),
    (Key::HttpPort, &["", "x", "-1", "65536", "80.5"]),
    (Key::Keepalive, &["", "x", "-1", "inf", "nan"]),
    (Key::MaxBodySize, &["", "0", "-1", "1TB", "2147483648"]),
    (Key::TimeoutMs, &["", "-1", "1.5", "5s", "86400001"]),
    (Key::Workers, &["", "0", "-1", "x", "1025", "1.5"]),
    (Key::Threads, &["", "0", "-1", "x", "513"]),
    (Key::SingleThreaded, &["2", "yes", "x"]),
    (Key::WorkerPool, &["", "both", "SHARED"]),
    (Key::MaxQueue, &["", "0", "-1", "1000001"]),
    (Key::MaxRequests, &["", "-1", "x", "4294967296"]),
    (Key::MaxRequestsJitter, &["", "-1", "x"]),
    (Key::GracefulTimeout, &["", "-1", "x", "86401"]),
    (Key::BindDeadline, &["", "-1", "x"]),
    (Key::Pidfile, &[""]),
    (Key::GrpcPort, &["", "x", "65536"]),
    (Key::GrpcWorkers, &["", "-1", "x", "1025"]),
    (Key::GrpcThreads, &["", "0", "x", "513"]),
    (Key::MetricsPort, &["", "x", "65536"]),
    (Key::MetricsEndpoint, &["metrics", "/a?b", "/a b", "/ä"]),
    (Key::LogLevel, &["", "debug", "TRACE"]),
    (Key::LogFormat, &["", "xml", "JSON"]),
    (Key::Tracing, &["2", "yes", "x"]),
    (
        Key::JaegerAgentPort,
        &["x", "0", "65536", "udp://host", "udp://host:x"],
    ),
    (Key::PredictorLabels, &["x", "[]", "null", r#"{"a": 1}"#]),
    (Key::ModelMetadata, &["just text", "- a", "5"]),
];

fn can_be_bad(row: &Row) -> bool {
    match row.kind {
        Kind::Text | Kind::LenientBool => false,
        // Only an empty path is none, and an empty variable is unset.
        Kind::File => row.flag != Flag::None,
        _ => true,
    }
}

#[test]
fn every_row_that_can_have_a_bad_value_is_tried_with_one() {
    for row in rows() {
        let tried = BAD
            .iter()
            .any(|(key, values)| *key == row.key && !values.is_empty());
        assert_eq!(tried, can_be_bad(row), "{}", row.key);
        assert_eq!(
            row.kind.when_bad().starts_with("exit code 2") || row.kind == Kind::Yaml,
            can_be_bad(row) || matches!(row.kind, Kind::File | Kind::Text)
        );
    }
}

#[test]
fn a_bad_value_is_one_line_that_names_flag_variable_value_and_what_is_allowed() {
    for (key, values) in BAD {
        let row = key.row();
        for value in *values {
            let check = |error: ConfigError, source: &str| {
                let ConfigError::Invalid(invalid) = &error else {
                    panic!("{value:?}: {error:?}")
                };
                assert_eq!(invalid.allowed, row.kind.allowed());
                let text = error.to_string();
                for part in row
                    .flag_name()
                    .iter()
                    .map(String::as_str)
                    .chain(row.variables.iter().copied())
                {
                    assert!(text.contains(part), "{text}");
                }
                for part in [source, &crate::error::quoted(value), &invalid.allowed] {
                    assert!(text.contains(part), "{part} in {text}");
                }
                assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
                assert_eq!(error.exit_code(), 2);
            };
            if let Some(args) = as_flag(row, value) {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                check(load(&args, &[], "").expect_err(value), "the command line");
            }
            for variable in row.variables.iter().filter(|_| !value.is_empty()) {
                let error = load(&["Iris"], &[(variable, value)], "").expect_err(value);
                check(error, &format!("the variable {variable}"));
            }
        }
    }
}

#[test]
fn a_negative_number_is_a_bad_value_and_not_a_flag() {
    let text = failure(&["--max-requests", "-1"], &[]);
    assert!(
        text.starts_with("--max-requests (GUNICORN_MAX_REQUESTS): \"-1\""),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_an_error_or_a_path() {
    use std::os::unix::ffi::OsStringExt;
    let raw = || OsString::from_vec(b"/tmp/\xff".to_vec());
    let with = |name: &str| {
        let environment = Environment::from_iter([(OsString::from(name), raw())]);
        let args = ["streeling", "Iris"].map(OsString::from);
        Settings::load(
            crate::Features::ALL,
            args,
            &environment,
            &Annotations::default(),
        )
    };
    for name in [
        names::HTTP_PORT,
        names::UNIT_ID,
        names::DEBUG,
        names::LOG_FORMAT,
    ] {
        let text = with(name).unwrap_err().to_string();
        assert!(text.contains("not UTF-8") && text.contains(name), "{text}");
    }
    // A path may be anything, and is looked at where it is needed.
    assert_eq!(
        with(names::JAEGER_CONFIG_PATH).unwrap().settings.tracing,
        None
    );
}
