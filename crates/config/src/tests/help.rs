use super::*;

#[test]
fn a_command_line_of_the_wrong_form_is_exit_code_2() {
    for (args, parts) in [
        (&[][..], &["interface_name"][..]),
        (&["Iris", "--threds", "2"], &["--threds", "--threads"]),
        (&["Iris", "REST"], &["REST"]),
        (&["Iris", "--workers"], &["--workers"]),
        (&["Iris", "--log", "x"], &["--log"]),
    ] {
        let error = load(args, &[], "").unwrap_err();
        assert!(matches!(error, ConfigError::Usage(_)), "{error:?}");
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(!text.starts_with("error"), "{text}");
        for part in parts {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn the_start_of_a_flag_and_the_last_of_two_count() {
    assert_eq!(quiet(&["--thre", "3"], &[]).rest.threads, 3);
    assert_eq!(
        quiet(&["--workers", "2", "--workers=3"], &[]).rest.workers,
        3
    );
    assert_eq!(
        iris(&["--max-requests", "5"], &[])
            .settings
            .workers
            .max_requests,
        5
    );
}

#[test]
fn help_and_version_are_exit_code_0_and_need_no_name() {
    for flag in ["-h", "--help", "-V", "--version"] {
        let error = load(&[flag], &[("GUNICORN_WORKERS", "x")], "").unwrap_err();
        assert_eq!(error.exit_code(), 0, "{flag}");
    }
    let version = load(&["--version"], &[], "").unwrap_err().to_string();
    assert_eq!(
        version.trim_end(),
        format!("streeling {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_and_reference_name_every_flag_variable_and_default() {
    let (short, long, page) = (
        help("-h"),
        help("--help"),
        docs::reference(Language::English),
    );
    // Help wraps its lines to the terminal.
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (short, long) = (flat(&short), flat(&long));
    assert!(long.len() > short.len());
    for row in rows() {
        if let Some(name) = row.flag_name() {
            assert!(short.contains(&name) && long.contains(&name), "{name}");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
        for name in row.variables {
            assert!(long.contains(name), "{name}");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
        assert!(long.contains(row.group.heading().en) || row.flag == Flag::None);
        for text in [
            row.meaning.en,
            row.detail.en,
            row.default_text(Language::English),
            &row.value.allowed(Language::English),
        ] {
            assert!(page.contains(&text.replace('|', "\\|")), "{text}");
            if row.flag != Flag::Positional || text != row.default_text(Language::English) {
                assert!(long.contains(&flat(text)), "{text}");
            }
        }
    }
}

#[test]
fn help_ends_with_examples_that_can_be_typed() {
    let own = Features {
        component: Some("MyModel"),
        ..Features::ALL
    };
    for (features, program, name) in [
        (Features::ALL, "/usr/bin/streeling", "streeling"),
        (
            Features::ALL,
            "seldon-core-microservice",
            "seldon-core-microservice",
        ),
        (own, "./rust-model", "rust-model"),
    ] {
        let text = examples(features, OsStr::new(program));
        let lines: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(name))
            .collect();
        assert_eq!(lines.len(), 3, "{text}");
        for line in lines {
            let words = [name].into_iter().chain(line.split_whitespace());
            let args = words.map(OsString::from);
            let environment = Environment::from_iter([("", ""); 0]);
            let loaded = Settings::load(features, args, &environment, &Annotations::parse(""));
            assert_eq!(loaded.unwrap().warnings, [], "{line}");
        }
        let last = text.lines().last().unwrap_or_default();
        assert!(last.starts_with("Documentation: https://"), "{text}");
    }
}
