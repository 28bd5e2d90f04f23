use super::*;

#[test]
fn defaults_are_those_of_the_reference() {
    let s = quiet(&[], &[]);
    assert_eq!(s.component.interface, class("Iris", "Iris"));
    assert_eq!(s.component.service_type, ServiceType::Model);
    assert!(s.component.parameters.is_empty());
    assert_eq!(s.listen.host, IpAddr::from([0, 0, 0, 0]));
    assert_eq!(
        (s.rest.port, s.grpc.port, s.metrics.port),
        (9000, 5000, 6000)
    );
    assert_eq!((s.rest.workers, s.rest.threads), (1, 10));
    assert_eq!((s.grpc.workers, s.grpc.threads), (1, 10));
    assert_eq!(s.rest.keepalive, Duration::from_secs(100));
    assert_eq!(s.workers.defaults, Defaults::Page);
    assert_eq!((s.rest.timeout, s.grpc.timeout), (None, None));
    assert_eq!(
        (s.rest.max_body, s.grpc.max_message),
        (256 << 20, 256 << 20)
    );
    assert_eq!(
        (s.workers.pool, s.workers.single_threaded),
        (WorkerPool::Separate, false)
    );
    assert_eq!(
        (s.workers.max_requests, s.workers.max_requests_jitter),
        (0, 0)
    );
    assert_eq!(s.workers.max_queue, 2048);
    assert_eq!(s.workers.graceful_timeout, Duration::from_secs(8));
    assert_eq!(s.workers.bind_deadline, Duration::from_secs(45));
    assert_eq!(s.recovery.quarantine, Duration::from_secs(300));
    assert_eq!(s.recovery.hang_timeout, Duration::from_secs(5000));
    assert_eq!(s.recovery.worker_memory, None);
    assert_eq!(
        (s.metrics.endpoint.as_str(), s.metrics.in_response),
        ("/metrics", true)
    );
    assert_eq!(
        (s.log.level, s.log.format),
        (LogLevel::Info, LogFormat::Text)
    );
    assert_eq!((s.log.access, s.log.filter_scrapes), (false, true));
    assert_eq!(
        (
            s.development.enabled,
            s.tracing,
            s.deployment.payload_passthrough
        ),
        (false, None, false)
    );
    assert_eq!(s.python.interpreter, PathBuf::from("python3"));
    assert_eq!(s.python.app_dir, PathBuf::from("."));
    assert_eq!(
        (s.workers.pidfile, s.deployment.model_metadata),
        (None, None)
    );
    let identity = Identity {
        model: "Iris".to_owned(),
        ..Identity::default()
    };
    assert_eq!(s.identity, identity);
}

#[test]
fn the_flag_beats_the_variable_and_an_empty_variable_is_unset() {
    let variable = [("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9001")];
    assert_eq!(quiet(&[], &variable).rest.port, 9001);
    assert_eq!(quiet(&["--http-port", "9002"], &variable).rest.port, 9002);
    assert_eq!(quiet(&["--http-port=0"], &variable).rest.port, 0);
    // A variable that does not count is not looked at either.
    assert_eq!(
        quiet(
            &["--http-port", "9002"],
            &[("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "x")]
        )
        .rest
        .port,
        9002
    );
    // An empty secret, or file of one, is one that is missing, and an error.
    for row in rows().filter(|row| !matches!(row.group, Group::Security)) {
        for variable in row.variables {
            assert_eq!(iris(&[], &[(variable, "")]), iris(&[], &[]), "{variable}");
        }
    }
}

#[test]
fn every_word_is_taken_as_it_stands_and_in_no_other_case() {
    for (word, expected) in [
        ("MODEL", ServiceType::Model),
        ("ROUTER", ServiceType::Router),
        ("TRANSFORMER", ServiceType::Transformer),
        ("COMBINER", ServiceType::Combiner),
        ("OUTLIER_DETECTOR", ServiceType::OutlierDetector),
    ] {
        assert_eq!(
            quiet(&["--service-type", word], &[]).component.service_type,
            expected
        );
        assert_eq!(expected.as_str(), word);
        failure(&["--service-type", &word.to_lowercase()], &[]);
    }
    for (word, expected) in [
        ("DEBUG", LogLevel::Debug),
        ("INFO", LogLevel::Info),
        ("WARNING", LogLevel::Warning),
        ("ERROR", LogLevel::Error),
    ] {
        assert_eq!(quiet(&["--log-level", word], &[]).log.level, expected);
    }
    for (word, expected) in [
        ("CRITICAL", LogLevel::Error),
        ("FATAL", LogLevel::Error),
        ("WARN", LogLevel::Warning),
    ] {
        let loaded = iris(&[], &[("SELDON_LOG_LEVEL", word)]);
        assert_eq!(loaded.settings.log.level, expected);
        assert!(loaded.warnings[0].to_string().contains(expected.as_str()));
    }
    assert_eq!(
        quiet(&["--log-format", "json"], &[]).log.format,
        LogFormat::Json
    );
    assert_eq!(
        iris(&["--worker-pool", "shared"], &[])
            .settings
            .workers
            .pool,
        WorkerPool::Shared
    );
}

#[test]
fn booleans_are_read_as_the_reference_says() {
    let single = |text: &str| {
        quiet(&["--single-threaded", text], &[])
            .workers
            .single_threaded
    };
    for text in ["1", "true", "True", "TRUE", "t", "T"] {
        assert!(single(text), "{text}");
        assert!(
            quiet(&[], &[("INCLUDE_METRICS_IN_CLIENT_RESPONSE", text)])
                .metrics
                .in_response,
            "{text}"
        );
    }
    for text in ["0", "false", "False", "f", "no", "NO", ""] {
        assert!(!single(text), "{text}");
    }
    assert!(
        !quiet(&[], &[("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "no")])
            .metrics
            .in_response
    );
    // Booleans of seldon-core's: unknown text is false, by flag and by variable.
    for (args, variables) in [
        (&["--access-log", "yes"][..], &[][..]),
        (&[], &[("GUNICORN_ACCESS_LOG", "yes")]),
        (&[], &[("SELDON_DEBUG", "yes")]),
        (&[], &[("PAYLOAD_PASSTHROUGH", "yes")]),
        (&[], &[("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "yes")]),
    ] {
        let loaded = iris(args, variables);
        let s = &loaded.settings;
        assert!(!s.log.access && !s.development.enabled && !s.deployment.payload_passthrough);
        assert_eq!(
            s.metrics.in_response,
            !variables.contains(&("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "yes"))
        );
        let [warning] = loaded.warnings.as_slice() else {
            panic!("{:?}", loaded.warnings)
        };
        let warning = warning.to_string();
        assert!(
            warning.contains(r#""yes""#) && warning.contains("taken as false"),
            "{warning}"
        );
    }
}

#[test]
fn flags_with_booleans_stand_without_a_value_too() {
    for (args, on) in [
        (&["--debug"][..], true),
        (&["--debug", "1"], true),
        (&["--debug=t"], true),
        (&["--debug", "0"], false),
        (&["--debug", "--workers", "2"], true),
    ] {
        assert_eq!(iris(args, &[]).settings.development.enabled, on, "{args:?}");
    }
    assert!(iris(&["--tracing"], &[]).settings.tracing.is_some());
    assert!(iris(&["--access-log"], &[]).settings.log.access);
    assert!(
        iris(&["--single-threaded"], &[])
            .settings
            .workers
            .single_threaded
    );
    // The name may come after the flags, but not right after one without its value.
    let s = load(&["--workers", "4", "pkg.Iris"], &[], "")
        .unwrap()
        .settings;
    let found = (s.rest.workers, s.component.interface);
    assert_eq!(found, (4, class("pkg", "Iris")));
    assert!(matches!(
        load(&["--debug", "Iris"], &[], ""),
        Err(ConfigError::Usage(_))
    ));
}

#[test]
fn debug_lowers_the_log_level_and_stops_the_filter() {
    let s = iris(&["--debug", "--log-level", "ERROR"], &[]).settings;
    assert_eq!(
        (s.log.level, s.log.filter_scrapes),
        (LogLevel::Debug, false)
    );
    let s = iris(&["--debug"], &[("FILTER_METRICS_ACCESS_LOGS", "true")]).settings;
    assert!(s.log.filter_scrapes);
}

#[test]
fn sizes_and_spans_have_their_units() {
    for (text, bytes) in [
        ("1", 1),
        ("2147483647", 2_147_483_647),
        ("64KiB", 64 << 10),
        ("64 kib", 64 << 10),
        ("10MB", 10_000_000),
        ("10 MiB", 10 << 20),
        ("2GB", 2_000_000_000),
        ("1GiB", 1 << 30),
        ("7B", 7),
    ] {
        let s = quiet(&["--max-body-size", text], &[]);
        assert_eq!(
            (s.rest.max_body, s.grpc.max_message),
            (bytes, bytes),
            "{text}"
        );
    }
    for text in [
        "0",
        "2147483648",
        "2GiB",
        "1.5MiB",
        "MiB",
        "1 M",
        "99999999999999999999",
        "10 10",
    ] {
        failure(&["--max-body-size", text], &[]);
    }
    assert_eq!(
        quiet(&["--keepalive", "0.5"], &[]).rest.keepalive,
        Duration::from_millis(500)
    );
    assert_eq!(
        quiet(&["--keepalive", "0"], &[]).rest.keepalive,
        Duration::ZERO
    );
    for text in ["inf", "nan", "-1", "86401", "2s"] {
        failure(&["--keepalive", text], &[]);
    }
}

#[test]
fn hosts_are_addresses() {
    for (text, expected) in [
        ("127.0.0.1", "127.0.0.1:9000"),
        ("::", "[::]:9000"),
        ("[::1]", "[::1]:9000"),
        ("localhost", "127.0.0.1:9000"),
    ] {
        assert_eq!(
            quiet(&["--host", text], &[]).rest_address().to_string(),
            expected
        );
    }
    let s = quiet(&["--host", "::1"], &[]);
    assert_eq!(s.grpc_address().to_string(), "[::1]:5000");
    assert_eq!(s.metrics_address().to_string(), "[::1]:6000");
}

#[test]
fn the_interpreter_is_the_virtual_environments_where_there_is_one() {
    let active = ("VIRTUAL_ENV", "/opt/env");
    assert_eq!(
        quiet(&[], &[active]).python.interpreter,
        Path::new("/opt/env/bin/python")
    );
    let named = quiet(&["--python", "python3.12"], &[active]);
    assert_eq!(named.python.interpreter, Path::new("python3.12"));
    let this = std::env::current_exe().unwrap();
    let file = quiet(&["--python", this.to_str().unwrap()], &[]);
    assert_eq!(file.python.interpreter, this);
    let folder = this.parent().unwrap();
    let s = quiet(&[], &[("STREELING_APP_DIR", folder.to_str().unwrap())]);
    assert_eq!(s.python.app_dir, folder);
}

#[test]
fn identity_is_what_the_operator_wrote() {
    let s = quiet(
        &[],
        &[
            ("PREDICTIVE_UNIT_ID", "classifier"),
            ("PREDICTIVE_UNIT_IMAGE", "registry.example/mock:1.0"),
            ("PREDICTOR_ID", "example"),
            ("PREDICTOR_LABELS", r#"{"version": "v1"}"#),
            ("SELDON_DEPLOYMENT_ID", "seldon"),
            ("SELDON_EXECUTOR_ENABLED", "true"),
            ("MODEL_METADATA", "name: m\n"),
            ("PREDICTIVE_UNIT_SERVICE_PORT", "9000"),
            ("MLSERVER_MODEL_VERSION", "v3"),
        ],
    );
    let expected = Identity {
        model: "classifier".to_owned(),
        version: Some("v3".to_owned()),
        unit: Some("classifier".to_owned()),
        image: Some("registry.example/mock:1.0".to_owned()),
        predictor: Some("example".to_owned()),
        labels: [("version".to_owned(), "v1".to_owned())].into(),
        deployment: Some("seldon".to_owned()),
        executor: true,
    };
    assert_eq!(s.identity, expected);
    assert_eq!(
        s.deployment.model_metadata.as_deref(),
        Some(r#"{"name":"m"}"#)
    );
    assert_eq!(s.rest.port, 9000);
}

#[test]
fn parameters_come_from_flag_or_variable() {
    let list = r#"[{"name": "n", "value": "3", "type": "INT"}]"#;
    for s in [
        quiet(&["--parameters", list], &[]),
        quiet(&[], &[("PREDICTIVE_UNIT_PARAMETERS", list)]),
    ] {
        assert_eq!(s.component.parameters.to_python_json(), r#"{"n":3}"#);
    }
    let text = failure(
        &[],
        &[(
            "PREDICTIVE_UNIT_PARAMETERS",
            r#"[{"name": "n", "value": "x", "type": "INT"}]"#,
        )],
    );
    let parts = [
        "--parameters (PREDICTIVE_UNIT_PARAMETERS):",
        r#"'[{"name": "n", "value": "x", "type": "INT"}]'"#,
        "from the variable PREDICTIVE_UNIT_PARAMETERS cannot be used",
        r#"(parameter 1: "n": "x" is no INT),"#,
        r#"allowed is a JSON list of {"name","value","type"},"#,
        "type one of INT FLOAT DOUBLE STRING BOOL",
    ];
    assert_eq!(text, parts.join(" "));
}

#[test]
fn annotations_come_after_flags_and_variables() {
    let notes = "seldon.io/rest-timeout=\"1000\"\nseldon.io/grpc-timeout=\"2000\"\n\
                 seldon.io/grpc-max-message-size=\"4096\"\n";
    let timeouts = |args: &[&str], variables| {
        let args: Vec<&str> = ["Iris"].iter().chain(args).copied().collect();
        let loaded = load(&args, variables, notes).unwrap();
        assert_eq!(loaded.warnings, []);
        let s = loaded.settings;
        assert_eq!((s.rest.max_body, s.grpc.max_message), (256 << 20, 4096));
        (
            s.rest.timeout.map(|t| t.as_millis()),
            s.grpc.timeout.map(|t| t.as_millis()),
        )
    };
    assert_eq!(timeouts(&[], &[]), (Some(1000), Some(2000)));
    assert_eq!(
        timeouts(&[], &[("STREELING_TIMEOUT_MS", "300")]),
        (Some(300), Some(300))
    );
    assert_eq!(
        timeouts(&["--timeout-ms", "400"], &[("STREELING_TIMEOUT_MS", "300")]),
        (Some(400), Some(400))
    );
    assert_eq!(timeouts(&["--timeout-ms", "0"], &[]), (None, None));
}

#[test]
fn bad_annotations_are_left_out_with_a_warning() {
    for (notes, expected) in [
        (
            "seldon.io/rest-timeout=\"5s\"",
            "annotation seldon.io/rest-timeout: \"5s\" is left out",
        ),
        (
            "seldon.io/grpc-timeout=\"-1\"",
            "annotation seldon.io/grpc-timeout: \"-1\" is left out",
        ),
        (
            "seldon.io/grpc-max-message-size=\"0\"",
            "annotation seldon.io/grpc-max-message-size: \"0\" is left out",
        ),
        (
            "seldon.io/rest-timeout=5",
            "annotation line \"seldon.io/rest-timeout=5\" is skipped",
        ),
    ] {
        let loaded = load(&["Iris"], &[], notes).unwrap();
        assert_eq!(loaded.settings, quiet(&[], &[]), "{notes}");
        let [warning] = loaded.warnings.as_slice() else {
            panic!("{:?}", loaded.warnings)
        };
        assert!(warning.to_string().starts_with(expected), "{warning}");
    }
}

#[test]
fn check_does_not_eat_the_interface_name() {
    let loaded = Settings::load(
        Features::ALL,
        ["streeling", "--check", "Iris"].map(OsString::from),
        &Environment::default(),
        &Annotations::default(),
    );
    let settings = loaded.unwrap().settings;
    assert!(settings.component.check);
    assert_eq!(settings.component.interface.name(), "Iris");
}

#[test]
fn a_program_with_a_component_of_its_own_needs_no_name() {
    let loaded = |args: &[&str]| {
        let features = Features {
            component: Some("Mean"),
            ..Features::ALL
        };
        let args = ["own"].iter().chain(args).map(OsString::from);
        let (environment, notes) = (Environment::default(), Annotations::default());
        let loaded = Settings::load(features, args, &environment, &notes);
        loaded.unwrap().settings.component.interface
    };
    assert_eq!(loaded(&[]), ComponentName::BuiltIn("Mean".to_owned()));
    assert_eq!(loaded(&["--workers", "2"]).name(), "Mean");
    assert_eq!(loaded(&["Iris"]), class("Iris", "Iris"));
}

fn class(module: &str, class: &str) -> ComponentName {
    ComponentName::Python(InterfaceName {
        module: module.to_owned(),
        class: class.to_owned(),
    })
}
