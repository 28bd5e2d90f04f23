//! What decoding takes in memory, for documents that were made to take much. One test alone, since
//! the counter is that of the whole process.

#[cfg(all(feature = "oip", feature = "proto"))]
#[path = "memory/oip.rs"]
mod oip;

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use streeling_codec::seldon::json::Decoder;
use streeling_core::{Budget, Meter, REQUEST, Use};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How often a document repeats what it is made of: when a buffer has just doubled, it and the one
/// before it take most.
const UNITS: usize = (1 << 15) + 1;

/// Bytes that decoding may take whatever the size of the document.
const FIXED: usize = 16 << 10;

/// What payloads may take for each byte of a document, and what lists of the shortest messages,
/// metrics and names may: the numbers in the docs of `seldon::json` and `seldon::proto`.
const PAYLOAD: usize = 25;
const LIST: usize = 125;

/// A document and how often its size decoding may take.
struct Case {
    name: &'static str,
    body: Bytes,
    times: usize,
    decode: Decode,
}

/// Whether a document can be decoded; the result is dropped when it has been seen.
type Decode = fn(&Bytes, &Meter, &dyn Fn()) -> bool;

/// Bytes that were allocated at the worst moment of `work`, beyond those that were before.
fn peak(work: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    work();
    MEMORY.peak_usage() - before
}

/// `unit` between `start` and `end`, as often as it takes.
fn text(start: &str, unit: &str, end: &str) -> Bytes {
    // The last unit loses its comma.
    let units = unit.repeat(UNITS);
    let units = units.strip_suffix(',').unwrap_or(&units);
    [start, units, end].concat().into()
}

/// Keys that are all different, each with a value.
fn keys(start: &str, value: &str, end: &str) -> Bytes {
    let entries: Vec<String> = (0..UNITS)
        .map(|key| format!("\"{key:x}\":{value}"))
        .collect();
    [start, &entries.join(","), end].concat().into()
}

/// Whether it is there; shows it to `seen` before it is dropped.
fn is_ok<T, E>(result: &Result<T, E>, seen: &dyn Fn()) -> bool {
    seen();
    result.is_ok()
}

fn request(body: &Bytes, meter: &Meter, seen: &dyn Fn()) -> bool {
    is_ok(&Decoder::new(meter).message(body), seen)
}

fn requests(body: &Bytes, meter: &Meter, seen: &dyn Fn()) -> bool {
    is_ok(&Decoder::new(meter).messages(body), seen)
}

fn feedback(body: &Bytes, meter: &Meter, seen: &dyn Fn()) -> bool {
    is_ok(&Decoder::new(meter).feedback(body), seen)
}

fn case(name: &'static str, body: Bytes, times: usize, decode: Decode) -> Case {
    Case {
        name,
        body,
        times,
        decode,
    }
}

fn json_cases() -> Vec<Case> {
    let deep = |times: usize| {
        let list = ["[".repeat(times), "]".repeat(times)].concat();
        text(r#"{"jsonData":["#, &format!("{list},"), "]}")
    };
    vec![
        case(
            "digits",
            text(r#"{"data":{"ndarray":["#, "1,", "]}}"),
            PAYLOAD,
            request,
        ),
        case(
            "digits, one float at the end",
            text(r#"{"data":{"ndarray":["#, "1,", ",1.5]}}"),
            PAYLOAD,
            request,
        ),
        case(
            "digits, text at the end",
            text(r#"{"data":{"ndarray":["#, "1,", ",\"\"]}}"),
            PAYLOAD,
            request,
        ),
        case(
            "rows of one digit",
            text(r#"{"data":{"ndarray":["#, "[1],", "]}}"),
            PAYLOAD,
            request,
        ),
        case(
            "empty lists",
            text(r#"{"data":{"ndarray":["#, "[],", "]}}"),
            PAYLOAD,
            request,
        ),
        case(
            "short strings",
            text(r#"{"data":{"ndarray":["#, "\"\",", "]}}"),
            PAYLOAD,
            request,
        ),
        case(
            "flat tensor",
            text(r#"{"data":{"tensor":{"values":["#, "1,", "]}}}"),
            PAYLOAD,
            request,
        ),
        case(
            "long shape",
            text(r#"{"data":{"tensor":{"values":[],"shape":["#, "1,", "]}}}"),
            PAYLOAD,
            request,
        ),
        case(
            "tftensor",
            text(
                r#"{"data":{"tftensor":{"dtype":"DT_DOUBLE","doubleVal":["#,
                "1,",
                "]}}}",
            ),
            PAYLOAD,
            request,
        ),
        case(
            "tftensor of many sides",
            text(
                r#"{"data":{"tftensor":{"dtype":"DT_DOUBLE","tensorShape":{"dim":["#,
                "{},",
                "]}}}}",
            ),
            PAYLOAD,
            request,
        ),
        case(
            "digits in feedback",
            text(r#"{"request":{"data":{"ndarray":["#, "1,", "]}}}"),
            PAYLOAD,
            feedback,
        ),
        case(
            "ragged digits in feedback",
            text(r#"{"request":{"data":{"ndarray":[[],"#, "1,", "]}}}"),
            PAYLOAD,
            feedback,
        ),
        case("deep nesting", deep(400), PAYLOAD, request),
        case(
            "one string",
            text(r#"{"strData":""#, "\\u0001", "\"}"),
            PAYLOAD,
            request,
        ),
        case(
            "base64",
            text(r#"{"binData":""#, "AAAA", "\"}"),
            PAYLOAD,
            request,
        ),
        case(
            "names",
            text(r#"{"data":{"names":["#, "\"\",", "]}}"),
            LIST,
            request,
        ),
        case(
            "tags",
            keys(r#"{"strData":"","meta":{"tags":{"#, "0", "}}}"),
            LIST,
            request,
        ),
        case(
            "unknown meta",
            keys(r#"{"strData":"","meta":{"#, "0", "}}"),
            LIST,
            request,
        ),
        case(
            "routing",
            keys(r#"{"strData":"","meta":{"routing":{"#, "0", "}}}"),
            LIST,
            request,
        ),
        case(
            "metrics",
            text(r#"{"strData":"","meta":{"metrics":["#, "{},", "]}}"),
            LIST,
            request,
        ),
        case(
            "metrics with a tag",
            text(
                r#"{"strData":"","meta":{"metrics":["#,
                r#"{"tags":{"":""}},"#,
                "]}}",
            ),
            LIST,
            request,
        ),
        case(
            "messages",
            text("[", r#"{"jsonData":0},"#, "]"),
            LIST,
            requests,
        ),
        case(
            "messages of text",
            text("[", r#"{"strData":""},"#, "]"),
            LIST,
            requests,
        ),
        case(
            "messages with a tag",
            text("[", r#"{"jsonData":0,"meta":{"tags":{"":0}}},"#, "]"),
            LIST,
            requests,
        ),
        case(
            "messages without payload",
            text(r#"{"seldonMessages":["#, "{},", "]}"),
            LIST,
            |body, meter, seen| !requests(body, meter, seen),
        ),
    ]
}

#[cfg(feature = "proto")]
fn proto_cases() -> Vec<Case> {
    use streeling_codec::seldon::proto::{self, Limits};

    /// `inside` as a field with a length.
    fn field(number: u8, inside: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut rest = inside.len();
        while rest >= 0x80 {
            out.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        out.push(rest.to_le_bytes()[0]);
        [out, inside.to_vec()].concat()
    }
    /// Fields around many units, from the inside to the outside.
    fn around(numbers: &[u8], unit: &[u8]) -> Bytes {
        let units = unit.repeat(UNITS);
        let wrapped = numbers
            .iter()
            .rfold(units, |inside, &number| field(number, &inside));
        wrapped.into()
    }
    let response: Decode = |body, meter, seen| {
        let decoder = proto::Decoder::new(Limits::default(), meter);
        is_ok(&decoder.response(body), seen)
    };
    let fails: Decode = |body, meter, seen| {
        let decoder = proto::Decoder::new(Limits::default(), meter);
        !is_ok(&decoder.response(body), seen)
    };
    let requests: Decode = |body, meter, seen| {
        let decoder = proto::Decoder::new(Limits::default(), meter);
        is_ok(&decoder.messages(body), seen)
    };
    // tftensor: the dtype, then the list.
    let typed = |dtype: u8, list: u8, unit: &[u8]| -> Bytes {
        let units = field(list, &unit.repeat(UNITS));
        field(3, &field(4, &[vec![0x08, dtype], units].concat())).into()
    };
    let rows = field(1, &field(6, &field(1, &[0x11, 0, 0, 0, 0, 0, 0, 0, 0])));
    vec![
        case(
            "empty messages",
            around(&[], &field(1, &[])),
            LIST,
            |body, meter, seen| {
                let decoder = proto::Decoder::new(Limits::default(), meter);
                !is_ok(&decoder.messages(body), seen)
            },
        ),
        case(
            "messages of text",
            around(&[], &field(1, &field(5, b""))),
            LIST,
            requests,
        ),
        case(
            "messages of empty data",
            around(&[], &field(1, &field(3, b""))),
            LIST,
            requests,
        ),
        case(
            "empty values",
            around(&[3, 3], &field(1, b"")),
            PAYLOAD,
            response,
        ),
        case(
            "empty lists",
            around(&[3, 3], &field(1, &field(6, b""))),
            PAYLOAD,
            response,
        ),
        case(
            "lists of one number",
            around(&[3, 3], &rows),
            PAYLOAD,
            response,
        ),
        case(
            "small numbers in jsonData",
            around(&[6, 6], &field(1, &[0x11, 1, 0, 0, 0, 0, 0, 0, 0])),
            PAYLOAD,
            response,
        ),
        case(
            "empty keys",
            around(&[6, 5], &field(1, b"")),
            PAYLOAD,
            response,
        ),
        case("control characters", around(&[5], &[1]), PAYLOAD, response),
        case(
            "control characters in jsonData",
            around(&[6, 3], &[1]),
            PAYLOAD,
            response,
        ),
        case(
            "merged data",
            around(&[], &field(3, b"")),
            PAYLOAD,
            response,
        ),
        case(
            "merged arrays",
            around(&[3], &field(3, b"")),
            PAYLOAD,
            response,
        ),
        case("empty names", around(&[3], &field(1, b"")), LIST, response),
        case(
            "the same empty tag",
            around(&[2], &field(2, b"")),
            PAYLOAD,
            response,
        ),
        case("metrics", around(&[2], &field(5, b"")), LIST, response),
        case(
            "metrics with a tag",
            around(&[2], &field(5, &field(4, b""))),
            LIST,
            response,
        ),
        case(
            "packed values, no shape",
            around(&[3, 2, 2], &[0x01, 0, 0, 0, 0, 0, 0, 0]),
            PAYLOAD,
            response,
        ),
        case(
            "values one by one",
            around(&[3, 2], &[0x11, 1, 0, 0, 0, 0, 0, 0, 0]),
            PAYLOAD,
            response,
        ),
        case("packed shape", around(&[3, 2, 1], &[1]), PAYLOAD, response),
        case("packed int64", typed(9, 10, &[1]), PAYLOAD, fails),
        case(
            "empty strings",
            around(&[3, 4], &[0x08, 7, 0x42, 0]),
            PAYLOAD,
            response,
        ),
        case("sides", typed(1, 2, &[0x12, 0]), PAYLOAD, fails),
    ]
}

#[test]
fn no_document_takes_more_than_is_documented() {
    let cases = json_cases().into_iter();
    #[cfg(feature = "proto")]
    let cases = cases.chain(proto_cases());
    #[cfg(all(feature = "oip", feature = "proto"))]
    let cases = cases.chain(oip::cases());
    let mut faults = Vec::new();
    for Case {
        name,
        body,
        times,
        decode,
    } in cases
    {
        let mut as_expected = false;
        let budget = Budget::new(usize::MAX);
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0), usize::MAX);
        let before = MEMORY.current_usage();
        let left = std::cell::Cell::new(0);
        let seen = || left.set(MEMORY.current_usage() - before);
        let peak = peak(|| as_expected = decode(&body, &meter, &seen));
        let charged = meter.into_charge().map_or(0, |charge| charge.bytes()) + REQUEST;
        let of = |bytes: usize| bytes as f64 / body.len() as f64;
        println!(
            "{:>6.1} of {times}, {:>6.1} left, {:>6.1} charged: {name}, {as_expected}",
            of(peak),
            of(left.get()),
            of(charged),
        );
        if !as_expected {
            faults.push(format!("{name}: not decoded as expected"));
        }
        if peak > times * body.len() + FIXED {
            faults.push(format!("{name}: {peak} bytes for {}", body.len()));
        }
        if left.get() > charged + FIXED {
            faults.push(format!("{name}: {} bytes charged as {charged}", left.get()));
        }
        // What is short is charged before it is there, at what it takes at the worst moment.
        if times == LIST && peak > charged + PAYLOAD * body.len() + FIXED {
            faults.push(format!("{name}: {peak} bytes charged as {charged}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
