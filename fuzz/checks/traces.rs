//! What holds for the trace context in a caller's headers, whatever they are. Shared by the fuzz
//! target and by the test that replays its corpus.

// The module alone: what lies around it needs an exporter.
#[path = "../../crates/tracing/src/trace/carrier.rs"]
#[allow(
    unreachable_pub,
    reason = "it is a part of another crate's interface, and compiled here once more"
)]
mod carrier;

use carrier::Carrier;

const NAMES: [&str; 8] = [
    "uber-trace-id",
    "traceparent",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-b3-parentspanid",
];

/// Reads each line of `input` as the value of a header, in the order of their names. A context that
/// is read has ids that are none of them 0, and can be written and read again.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let values: Vec<&str> = text.split('\n').collect();
    let header = |name: &str| {
        let place = NAMES.iter().position(|known| *known == name)?;
        values.get(place).copied().filter(|value| !value.is_empty())
    };
    for carrier in [Carrier::Jaeger, Carrier::TraceContext, Carrier::B3] {
        let Some(context) = carrier.read(&header) else {
            continue;
        };
        let Some((trace, span)) = context.ids else {
            assert!(context.sampled.is_some(), "neither ids nor a decision");
            continue;
        };
        assert!(trace != 0 && span != 0);
        let sampled = context.sampled == Some(true);
        let written = format!("{trace:x}:{span:x}:0:{}", u8::from(sampled));
        let again = Carrier::Jaeger.read(&|name| (name == NAMES[0]).then_some(&*written));
        let again = again.expect("what is written is read");
        assert_eq!((again.ids, again.sampled), (context.ids, Some(sampled)));
    }
}
