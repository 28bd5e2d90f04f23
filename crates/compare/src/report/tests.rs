use super::*;

fn reply(body: &'static str, millis: u64) -> Result<Reply, String> {
    Ok(Reply {
        status: 200,
        content_type: Some("application/json".to_owned()),
        body: body.into(),
        took: Duration::from_millis(millis),
        ..Reply::default()
    })
}

fn report(new: &'static str) -> Report {
    let messages = Messages::new();
    let lines = "{\"path\":\"/predict\",\"name\":\"<one>\"}\n{\"path\":\"/route\"}\n";
    let requests = Request::parse_all(lines, &messages).unwrap();
    let exchanges = [
        Exchange {
            old: reply("[1]", 4),
            new: reply(new, 2),
        },
        Exchange {
            old: reply("[2]", 40),
            new: if new == "[1]" {
                reply("[2]", 3)
            } else {
                Err("closed".to_owned())
            },
        },
    ];
    let about = About {
        old: "old:9000".to_owned(),
        new: "new:9000".to_owned(),
        requests: "requests.jsonl".to_owned(),
        at: "2026-01-01 00:00:00 UTC".to_owned(),
        rules: Rules::default(),
        excuse_errors: false,
        pace: Pace {
            concurrency: 1,
            timeout: Duration::from_secs(1),
        },
    };
    Report::new(about, &requests, &exchanges, &messages)
}

#[test]
fn equal_servers_are_said_to_be_equal() {
    let report = report("[1]");
    assert!(report.differences().is_empty());
    let sentence = "No difference: 2 of 2 responses are equal.";
    for page in [report.to_string(), report.to_markdown(), report.to_html()] {
        assert!(page.contains(sentence), "{page}");
        assert!(
            page.contains("old:9000") && page.contains("requests.jsonl (2)"),
            "{page}"
        );
        assert!(page.contains("40.00"), "{page}");
    }
}

#[test]
fn differences_are_gathered_by_their_kind() {
    let report = report("[3]");
    let found: Vec<_> = report
        .differences()
        .iter()
        .map(|one| one.lines.join(" "))
        .collect();
    assert_eq!(
        found,
        [
            "$[0]: want integer 1, got integer 3",
            "no response from the new server: closed"
        ]
    );
    let text = report.to_string();
    assert!(
        text.contains("2 of 2 responses differ, 0 are equal."),
        "{text}"
    );
    assert!(
        text.contains("1 × /predict: $[#]: want integer #, got integer #"),
        "{text}"
    );
    let markdown = report.to_markdown();
    assert!(markdown.contains("Checked by: ___"), "{markdown}");
    let html = report.to_html();
    assert!(
        html.contains("&lt;one&gt;") && !html.contains("<one>"),
        "{html}"
    );
    assert_eq!(html.matches("<path d=\"M60.0 ").count(), 2, "{html}");
}
