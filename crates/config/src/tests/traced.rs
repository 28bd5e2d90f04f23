use super::*;
use crate::{
    Features, JaegerAgent, OtlpCollector, OtlpProtocol, OtlpTls, Propagator, Sampler, Sampling,
    SpanLimits, TraceExporter, Tracing,
};

pub(super) fn traced(variables: Variables<'_>) -> Tracing {
    quiet(&["--tracing"], variables).tracing.unwrap()
}

pub(super) fn refused(variables: Variables<'_>) -> String {
    // What is not read does not stop the start.
    quiet(&[], variables);
    failure(&["--tracing"], variables)
}

pub(super) fn collector(variables: Variables<'_>) -> OtlpCollector {
    match traced(variables).exporter {
        TraceExporter::Otlp(collector) => collector,
        TraceExporter::Jaeger(agent) => panic!("{agent:?}"),
    }
}

pub(super) fn agent(variables: Variables<'_>) -> (String, u16) {
    match traced(variables).exporter {
        TraceExporter::Jaeger(JaegerAgent { host, port }) => (host, port),
        TraceExporter::Otlp(collector) => panic!("{collector:?}"),
    }
}

/// A file that is there for as long as the test.
pub(super) struct File(PathBuf);

impl File {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let name = format!("streeling-config-{}-{name}.yaml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(super) fn variable(&self) -> (&str, &str) {
        ("JAEGER_CONFIG_PATH", self.0.to_str().unwrap())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn without_more_everything_goes_to_a_local_agent() {
    let limits = SpanLimits {
        queue: 2048,
        batch: 512,
        delay: Duration::from_secs(1),
        timeout: Duration::from_secs(30),
    };
    let expected = Tracing {
        exporter: TraceExporter::Jaeger(JaegerAgent {
            host: "localhost".to_owned(),
            port: 6831,
        }),
        service: "Iris".to_owned(),
        resource: [].into(),
        tags: Vec::new(),
        sampling: Sampling {
            sampler: Sampler::Const(true),
            follows_caller: true,
        },
        propagators: vec![Propagator::Jaeger, Propagator::TraceContext, Propagator::B3],
        limits,
    };
    assert_eq!(traced(&[]), expected);
    let dotted = load(&["pkg.Iris", "--tracing"], &[], "").unwrap();
    assert_eq!(dotted.settings.tracing.unwrap().service, "pkg.Iris");
}

#[test]
fn tracing_is_off_where_anything_says_so() {
    let file = File::new("off", "enabled: false");
    for variables in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        file.variable(),
    ] {
        assert_eq!(quiet(&["--tracing"], &[variables]).tracing, None);
    }
    assert_eq!(
        quiet(&[], &[("OTEL_TRACES_EXPORTER", "otlp")]).tracing,
        None
    );
}

#[test]
fn agents_are_named_by_file_and_variables() {
    let ours = [
        ("JAEGER_AGENT_HOST", "jaeger"),
        ("JAEGER_AGENT_PORT", "udp://10.0.0.1:6832"),
    ];
    assert_eq!(agent(&ours), ("jaeger".to_owned(), 6832));
    let file = File::new("agent", "local_agent:\n  reporting_host: filed\n");
    assert_eq!(
        agent(&[ours[0], ours[1], file.variable()]),
        ("filed".to_owned(), 6832)
    );
    let theirs = ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "other");
    assert_eq!(
        agent(&[ours[0], ours[1], file.variable(), theirs]),
        ("other".to_owned(), 6831)
    );
    let text = refused(&[("OTEL_EXPORTER_JAEGER_AGENT_PORT", "0")]);
    assert!(text.contains("a port from 1 to 65535"), "{text}");
}

#[test]
fn collectors_have_the_endpoint_of_their_protocol() {
    let otlp = ("OTEL_TRACES_EXPORTER", "otlp");
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1/");
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:2/x");
    for (variables, endpoint) in [
        (&[otlp][..], "http://localhost:4318/v1/traces"),
        (&[otlp, grpc], "http://localhost:4317"),
        (&[general], "http://c:1/v1/traces"),
        (&[general, grpc], "http://c:1/"),
        (&[general, own], "http://t:2/x"),
        (&[own, grpc], "http://t:2/x"),
    ] {
        assert_eq!(collector(variables).endpoint, endpoint, "{variables:?}");
    }
    let whole = collector(&[
        general,
        grpc,
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c,d=e"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "200"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ]);
    let expected = OtlpCollector {
        protocol: OtlpProtocol::HttpProtobuf,
        endpoint: "http://c:1/v1/traces".to_owned(),
        headers: vec![
            ("a".to_owned(), "b c".to_owned()),
            ("d".to_owned(), "e".to_owned()),
        ],
        timeout: Duration::from_millis(200),
        gzip: true,
        tls: OtlpTls::default(),
    };
    assert_eq!(whole, expected);
    // An endpoint is not looked at where spans go elsewhere.
    let jaeger = ("OTEL_TRACES_EXPORTER", "jaeger");
    assert_eq!(agent(&[jaeger, general]).1, 6831);
}

#[test]
fn names_attributes_and_tags_come_from_where_they_are_expected() {
    let file = File::new(
        "names",
        "service_name: filed\ntags:\n  zone: a\n  host: b\n",
    );
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attr,host=c");
    let own = ("OTEL_SERVICE_NAME", "own");
    for (variables, service) in [
        (&[file.variable()][..], "filed"),
        (&[file.variable(), attributes], "attr"),
        (&[file.variable(), attributes, own], "own"),
    ] {
        assert_eq!(traced(variables).service, service);
    }
    let traced = traced(&[
        file.variable(),
        attributes,
        ("JAEGER_EXTRA_TAGS", "a=b, c=d=e"),
    ]);
    assert_eq!(
        traced.resource,
        [("host", "c"), ("zone", "a")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    );
    assert_eq!(
        traced.tags,
        [("a", "b"), ("c", "d=e")].map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn samplers_come_from_otel_or_the_file() {
    let file = File::new(
        "sampler",
        "sampler:\n  type: probabilistic\n  param: 0.01\n",
    );
    let sampling = |variables: Variables<'_>| {
        let Sampling {
            sampler,
            follows_caller,
        } = traced(variables).sampling;
        (sampler, follows_caller)
    };
    let probably = Sampler::Probabilistic;
    assert_eq!(sampling(&[file.variable()]), (probably(0.01), true));
    let arg = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
    for (text, sampler, follows) in [
        ("always_on", Sampler::Const(true), false),
        ("always_off", Sampler::Const(false), false),
        ("traceidratio", probably(0.25), false),
        ("parentbased_always_on", Sampler::Const(true), true),
        ("parentbased_always_off", Sampler::Const(false), true),
        ("parentbased_traceidratio", probably(0.25), true),
    ] {
        let named = ("OTEL_TRACES_SAMPLER", text);
        assert_eq!(sampling(&[file.variable(), named, arg]), (sampler, follows));
    }
    let named = ("OTEL_TRACES_SAMPLER", "traceidratio");
    assert_eq!(sampling(&[named]).0, probably(1.0));
    refused(&[named, ("OTEL_TRACES_SAMPLER_ARG", "1.1")]);
    // Without a sampler that wants it, it says nothing.
    traced(&[("OTEL_TRACES_SAMPLER_ARG", "x")]);
}

#[test]
fn propagators_are_ordered_by_jaegers_variable_and_chosen_by_otels() {
    use Propagator::{B3, Jaeger, TraceContext};
    let found = |variables: Variables<'_>| traced(variables).propagators;
    let first = ("JAEGER_TRACE_PROPAGATION_TYPE", "b3");
    assert_eq!(found(&[first]), [B3, Jaeger, TraceContext]);
    let w3c = ("JAEGER_TRACE_PROPAGATION_TYPE", "w3c");
    assert_eq!(found(&[w3c]), [TraceContext, Jaeger, B3]);
    let file = File::new("propagation", "propagation: b3");
    assert_eq!(found(&[file.variable()]), [B3, Jaeger, TraceContext]);
    let otel = |text| found(&[first, ("OTEL_PROPAGATORS", text)]);
    assert_eq!(otel("tracecontext,baggage"), [TraceContext]);
    assert_eq!(otel("b3multi, b3, jaeger"), [B3, Jaeger]);
    assert_eq!(otel("none"), []);
}

#[test]
fn limits_are_opentelemetrys() {
    let limits = traced(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "30"),
    ])
    .limits;
    let expected = SpanLimits {
        queue: 100,
        batch: 100,
        delay: Duration::from_millis(20),
        timeout: Duration::from_millis(30),
    };
    assert_eq!(limits, expected);
    let otlp = traced(&[("OTEL_TRACES_EXPORTER", "otlp")]).limits;
    assert_eq!(otlp.delay, Duration::from_secs(5));
}

#[test]
fn a_bad_value_names_its_variable_while_tracing_is_on() {
    let otlp = ("OTEL_TRACES_EXPORTER", "otlp");
    for bad in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "-1"),
        ("JAEGER_EXTRA_TAGS", "a=b,c"),
        ("JAEGER_TRACE_PROPAGATION_TYPE", "zipkin"),
        ("JAEGER_CONFIG_PATH", "/no/such/file"),
    ] {
        let text = refused(&[otlp, bad]);
        for part in [bad.0, bad.1, "allowed is"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains('\n'), "{text}");
    }
    let file = File::new("bad", "sampler:\n  type: remote\n  param: 1\n");
    let text = refused(&[file.variable()]);
    assert!(
        text.contains("remote") && text.contains("ratelimiting"),
        "{text}"
    );
}

#[test]
fn a_collector_may_have_tls() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:1");
    let tls = |variables: Variables<'_>| match traced(variables).exporter {
        TraceExporter::Otlp(collector) => (collector.endpoint, collector.tls),
        TraceExporter::Jaeger(agent) => panic!("{agent:?}"),
    };
    let plain = ("https://c:1/v1/traces".to_owned(), OtlpTls::default());
    assert_eq!(tls(&[endpoint]), plain);
    let (certificate, key) = (
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.crt"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "c.key"),
    );
    let authorities = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.crt");
    let expected = OtlpTls {
        authorities: Some("ca.crt".into()),
        client: Some(("c.crt".into(), "c.key".into())),
    };
    assert_eq!(tls(&[endpoint, authorities, certificate, key]).1, expected);
    for (given, missing) in [(certificate, "_CLIENT_KEY"), (key, "_CLIENT_CERTIFICATE")] {
        let text = refused(&[endpoint, given]);
        assert!(
            text.starts_with(given.0) && text.contains(missing),
            "{text}"
        );
        assert!(text.contains("TLS needs both"), "{text}");
    }
    let features = Features {
        tls: false,
        ..Features::ALL
    };
    let error = Settings::load(
        features,
        ["streeling", "Iris", "--tracing"].map(OsString::from),
        &Environment::from_iter([endpoint]),
        &Annotations::default(),
    );
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains(endpoint.0) && text.contains("'tls'"),
        "{text}"
    );
}

#[test]
fn an_exporter_that_was_not_built_is_named_by_its_feature() {
    let with = |jaeger, otlp, variables: Variables<'_>| {
        let parts = Features {
            jaeger,
            otlp,
            ..Features::ALL
        };
        Settings::load(
            parts,
            ["streeling", "Iris", "--tracing"].map(OsString::from),
            &Environment::from_iter(variables.iter().copied()),
            &Annotations::default(),
        )
        .map(|loaded| loaded.settings.tracing.is_some())
        .map_err(|error| error.to_string())
    };
    let otlp = [("OTEL_TRACES_EXPORTER", "otlp")];
    assert_eq!(with(true, false, &[]), Ok(true));
    assert_eq!(with(false, true, &otlp), Ok(true));
    let text = with(false, true, &[]).unwrap_err();
    assert!(
        text.contains("'jaeger'") && text.contains("--tracing"),
        "{text}"
    );
    let text = with(true, false, &otlp).unwrap_err();
    assert!(
        text.contains("'otlp'") && text.contains("OTEL_TRACES_EXPORTER"),
        "{text}"
    );
    let disabled = [("OTEL_SDK_DISABLED", "true")];
    assert_eq!(with(false, false, &disabled), Ok(false));
}
