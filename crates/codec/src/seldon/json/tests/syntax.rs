use super::*;

#[test]
fn invalid_json_says_where() {
    for (text, offset) in [
        ("", 0),
        ("  ", 2),
        ("{", 1),
        (r#"{"strData""#, 10),
        (r#"{"strData":"#, 11),
        (r#"{"strData":"a"#, 13),
        (r#"{"strData":"a""#, 14),
        (r#"{"strData":"a"}}"#, 15),
        (r#"{"strData":"a"} x"#, 16),
        (r#"{"strData":"a",}"#, 15),
        (r#"{,"strData":"a"}"#, 1),
        (r#"{strData:"a"}"#, 1),
        (r#"{'strData':'a'}"#, 1),
        (r#"{"strData" "a"}"#, 11),
        (r#"{"strData":nul}"#, 11),
        (r#"{"strData":True}"#, 11),
        (r#"{"strData":"\x"}"#, 12),
        (r#"{"strData":"\u12g4"}"#, 12),
        (r#"{"strData":"\u+123"}"#, 12),
        ("{\"strData\":\"a\nb\"}", 13),
        (r#"{"data":{"ndarray":[1,]}}"#, 22),
        (r#"{"data":{"ndarray":[,1]}}"#, 20),
        (r#"{"data":{"ndarray":[1 2]}}"#, 22),
        (r#"{"data":{"ndarray":[01]}}"#, 21),
        (r#"{"data":{"ndarray":[1.]}}"#, 21),
        (r#"{"data":{"ndarray":[.5]}}"#, 20),
        (r#"{"data":{"ndarray":[+1]}}"#, 20),
        (r#"{"data":{"ndarray":[-]}}"#, 20),
        (r#"{"data":{"ndarray":[nan]}}"#, 20),
        (r#"{"data":{"ndarray":[1,[2}]}}"#, 24),
        (r#"{"data":{"ndarray":[[1],[2]"#, 27),
        (r#"{"x":[1,{"y":tru}],"strData":"a"}"#, 13),
        (r#"5 5"#, 2),
    ] {
        let error = error(text);
        assert!(
            matches!(error, DecodeError::Syntax { .. }),
            "{text}: {error}"
        );
        assert_eq!(error.offset(), offset, "{text}: {error}");
    }
    assert!(matches!(
        decode_message(&Bytes::from_static(b"{\"strData\":\"a\xff\"}")),
        Err(DecodeError::Syntax { offset: 13, .. })
    ));
}

#[test]
fn errors_read_well() {
    for (text, display) in [
        (
            r#"{"strData":"a","meta":{"metrics":[{"key":2}]}}"#,
            "expected a string at meta.metrics[0].key (byte 41), found a number",
        ),
        (
            r#"{"strData":"a"#,
            "no valid JSON at strData (byte 13): expected the end of the string",
        ),
        (
            "[1]",
            "a message must be an object, but at byte 0 is a list",
        ),
        (
            "{}",
            "no payload in the message at byte 0: one of data, strData, binData, jsonData is \
             needed",
        ),
        (
            r#"{"binData":"!"}"#,
            "malformed base64 at binData (byte 11)",
        ),
        (
            r#"{"strData":"a","meta":{"metrics":[{"key":"\ud800"}]}}"#,
            "half of a surrogate pair in text at meta.metrics[0].key (byte 42)",
        ),
    ] {
        assert_eq!(error(text).to_string(), display);
    }
    let long = error(&format!(r#"{{"{}":tru}}"#, "é".repeat(1000)));
    assert_eq!(long.path(), format!("{}…", "é".repeat(64)));
}

#[test]
fn broken_json_wins_over_anything_else() {
    assert!(matches!(
        error("[1}"),
        DecodeError::Syntax { offset: 2, .. }
    ));
    assert!(matches!(
        error("{} x"),
        DecodeError::Syntax { offset: 3, .. }
    ));
    assert!(matches!(
        error(r#"{"data":5,"x"}"#),
        DecodeError::Syntax { offset: 13, .. }
    ));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for make in [&nested as &dyn Fn(usize) -> String, &objects] {
        assert!(check(&body(&make(512))).is_ok());
        assert!(matches!(
            check(&body(&make(513))),
            Err(DecodeError::TooDeep { limit: 512, .. })
        ));
    }
    let open = "[".repeat(1_000_000);
    assert!(matches!(
        error(&format!(r#"{{"data":{{"ndarray":{open}}}}}"#)),
        DecodeError::TooDeep { offset: 531, .. }
    ));
}

#[test]
fn strings() {
    for (literal, text) in [
        (r#""""#, ""),
        (
            r#""\u00e9\n\t\"\\\/\b\f\r\u003c\ud83d\ude00""#,
            "é\n\t\"\\/\u{8}\u{c}\r<😀",
        ),
        (r#""\uD83D\uDE00x""#, "😀x"),
        (r#""eight by\\tes and more""#, "eight by\\tes and more"),
        ("\"\u{7f}é日本😀\"", "\u{7f}é日本😀"),
    ] {
        let payload = payload(&format!(r#"{{"strData":{literal}}}"#));
        assert_eq!(payload, Payload::Text(text.into()), "{literal}");
    }
    // Every control character at every place in a word.
    for byte in 0..0x20_u8 {
        for before in 0..9 {
            let text = format!("\"{}{}\"", "a".repeat(before), char::from(byte));
            let error = check(&body(&text)).unwrap_err();
            assert_eq!(error.offset(), before + 1);
        }
    }
}

#[test]
fn only_utf8_is_read() {
    let text = r#"{"strData":"é😀"}"#;
    let marked = format!("\u{feff}{text}");
    for text in [text, &marked] {
        let message = decode_message(&body(text)).unwrap();
        assert_eq!(message.payload, Payload::Text("é😀".into()));
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide: Vec<u8> = text.encode_utf16().flat_map(unit).collect();
            let error = check(&wide.clone().into()).unwrap_err();
            assert!(matches!(error, DecodeError::Syntax { .. }), "{wide:?}");
        }
        let wide: Vec<u8> = text
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        let error = check(&wide.into()).unwrap_err();
        assert!(matches!(error, DecodeError::Syntax { .. }));
    }
}

#[test]
fn check_gives_the_value_without_a_copy() {
    let body = body(" \n[1, NaN] ");
    let value = check(&body).unwrap();
    assert_eq!(value, raw("[1, NaN]"));
    assert_eq!(value.as_bytes().as_ptr(), body[2..].as_ptr());
}
