//! OpenTelemetry's variables beside a component that reads them too, and those whose values are
//! secret.

use super::traced::{File, agent, collector, refused, traced};
use super::*;
use crate::{Features, OtlpProtocol, Propagator, Sampler, TraceExporter, Tracing};

const OTLP: (&str, &str) = ("OTEL_TRACES_EXPORTER", "otlp");
const AGENT: (&str, &str) = ("JAEGER_AGENT_HOST", "jaeger");
const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1");

/// What tracing comes to, and what is said about it.
fn said(variables: Variables<'_>) -> (Option<Tracing>, Vec<String>) {
    let Loaded { settings, warnings } = iris(&["--tracing"], variables);
    let said = warnings.iter().map(ToString::to_string).collect();
    // Off, nothing is said.
    quiet(&[], variables);
    (settings.tracing, said)
}

fn is_jaeger(tracing: Option<&Tracing>) -> bool {
    matches!(tracing.unwrap().exporter, TraceExporter::Jaeger(_))
}

#[test]
fn headers_are_in_no_message() {
    for variable in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ] {
        for text in ["word", "a=b,authorization: word", "a=b,c=word%zz", "=word"] {
            let text = refused(&[OTLP, (variable, text)]);
            for hidden in ["word", "authorization", "%zz"] {
                assert!(!text.contains(hidden), "{hidden} in {text}");
            }
            for part in [variable, "not shown", "pair ", "allowed is name=value"] {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
    }
    let collector = collector(&[
        OTLP,
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=word"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:1/?key=word"),
    ]);
    assert_eq!(collector.headers[0].1, "word");
    let text = format!("{collector:?}");
    assert!(
        text.contains("x-token") && text.contains("http://c:1/?"),
        "{text}"
    );
    assert!(!text.contains("word"), "{text}");
}

#[test]
fn urls_are_displayed_without_user_and_query() {
    for text in [
        "http://user:hush@c:1/x",
        "https://c:1x/x?key=hush",
        "https://user:hush@c:1",
        "grpc://user:w/hush@c:1?hush",
    ] {
        let text = refused(&[OTLP, (ENDPOINT.0, text)]);
        for hidden in ["user:", "hush", "w/"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert!(text.contains("c:1"), "{text}");
    }
}

#[test]
fn an_agent_s_variable_that_is_there_and_empty_is_refused() {
    for variable in [
        "OTEL_EXPORTER_JAEGER_AGENT_HOST",
        "OTEL_EXPORTER_JAEGER_AGENT_PORT",
    ] {
        for text in ["", "  "] {
            let text = refused(&[AGENT, (variable, text)]);
            for part in [variable, "unset it", "allowed is"] {
                assert!(text.contains(part), "{part} in {text}");
            }
            // It is not read where spans go elsewhere.
            traced(&[OTLP, (variable, "")]);
        }
    }
}

#[test]
fn an_agent_that_is_named_comes_before_an_endpoint() {
    let file = File::new("first", "local_agent: {reporting_host: filed}");
    for named in [AGENT, file.variable()] {
        for variable in [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ] {
            // It is the component's alone, so that a URL with TLS is no error here.
            let (tracing, said) = said(&[named, (variable, "https://c:1")]);
            assert!(is_jaeger(tracing.as_ref()));
            assert_eq!(
                said,
                [format!(
                    "{variable} is left out: {} comes first, and OTEL_TRACES_EXPORTER=otlp would \
                     choose the collector",
                    named.0
                )]
            );
        }
        // With the exporter named there is nothing to warn of.
        collector(&[named, ENDPOINT, OTLP]);
        agent(&[named, ENDPOINT, (OTLP.0, "jaeger")]);
    }
    collector(&[ENDPOINT]);
    let parts = Features {
        jaeger: false,
        ..Features::ALL
    };
    let loaded = Settings::load(
        parts,
        ["streeling", "Iris", "--tracing"].map(OsString::from),
        &Environment::from_iter([AGENT, ENDPOINT]),
        &Annotations::default(),
    );
    let exporter = loaded.unwrap().settings.tracing.unwrap().exporter;
    assert!(matches!(exporter, TraceExporter::Otlp(_)));
}

#[test]
fn words_may_be_in_any_case() {
    let found = collector(&[
        (OTLP.0, "OTLP"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "Gzip"),
    ]);
    assert_eq!((found.protocol, found.gzip), (OtlpProtocol::Grpc, true));
    let tracing = traced(&[
        ("OTEL_TRACES_SAMPLER", "ParentBased_Always_Off"),
        ("OTEL_PROPAGATORS", "TraceContext"),
    ]);
    assert_eq!(tracing.sampling.sampler, Sampler::Const(false));
    assert_eq!(tracing.propagators, [Propagator::TraceContext]);
    for none in ["None", "none,none"] {
        assert_eq!(said(&[(OTLP.0, none)]), (None, Vec::new()));
    }
}

#[test]
fn an_unknown_word_is_left_out_with_a_warning() {
    for (name, text, word) in [
        (OTLP.0, "console", "console"),
        (OTLP.0, "zipkin,jaeger", "zipkin"),
        (OTLP.0, "jaeger, Console", "Console"),
        ("OTEL_SDK_DISABLED", "maybe", "maybe"),
        ("OTEL_PROPAGATORS", "xray,tracecontext", "xray"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "jaeger_remote"),
        (
            "OTEL_TRACES_SAMPLER",
            "parentbased_xray",
            "parentbased_xray",
        ),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "a=%zz"),
    ] {
        let (tracing, said) = said(&[(name, text)]);
        assert!(is_jaeger(tracing.as_ref()), "{text}");
        let [said] = said.as_slice() else {
            panic!("{said:?} of {text}");
        };
        let start = format!("{name}: \"{word}\" is left out");
        assert!(
            said.starts_with(&start) && said.contains(", allowed is "),
            "{said}"
        );
    }
    let both = said(&[(OTLP.0, "otlp,jaeger")]);
    assert!(!is_jaeger(both.0.as_ref()) && both.1.len() == 1, "{both:?}");
}

#[test]
fn where_all_is_left_out_it_is_as_if_nothing_were_said() {
    let file = File::new("left", "sampler: {type: const, param: 0}");
    let (tracing, said) = said(&[
        file.variable(),
        (OTLP.0, "console"),
        ("OTEL_PROPAGATORS", "xray, ottrace"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        // Of a sampler that is not ours.
        ("OTEL_TRACES_SAMPLER_ARG", "endpoint=http://x"),
    ]);
    let tracing = tracing.unwrap();
    assert_eq!(tracing.propagators.len(), 3);
    assert_eq!(tracing.sampling.sampler, Sampler::Const(false));
    assert_eq!(said.len(), 4, "{said:?}");
    collector(&[ENDPOINT, ("OTEL_PROPAGATORS", "none")]);
    let (tracing, _) = self::said(&[ENDPOINT, (OTLP.0, "console")]);
    assert!(!is_jaeger(tracing.as_ref()));
}
