use super::*;

#[test]
fn a_bad_value_is_one_line_that_names_flag_variable_value_and_what_is_allowed() {
    for row in rows() {
        for value in row.value.examples().refused {
            let check = |error: ConfigError, source: &str| {
                let ConfigError::Invalid(invalid) = &error else {
                    panic!("{value:?}: {error:?}")
                };
                assert_eq!(invalid.allowed, row.value.allowed(Language::English));
                let text = error.to_string();
                for part in row
                    .flag_name()
                    .iter()
                    .map(String::as_str)
                    .chain(row.variables.iter().copied())
                {
                    assert!(text.contains(part), "{text}");
                }
                let shown = crate::error::quoted(&value);
                let is_secret = row.value.is_secret();
                assert_eq!(
                    text.contains(&value) && text.contains(&shown),
                    !is_secret,
                    "{text}"
                );
                for part in [source, &invalid.allowed] {
                    assert!(text.contains(part), "{part} in {text}");
                }
                assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
                assert_eq!(error.exit_code(), 2);
            };
            if let Some(args) = as_flag(row, &value) {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                check(load(&args, &[], "").expect_err(&value), "the command line");
            }
            for variable in row.variables.iter().filter(|_| !value.is_empty()) {
                let error = load(&["Iris"], &[(variable, &value)], "").expect_err(&value);
                check(error, &format!("the variable {variable}"));
            }
        }
    }
}

#[test]
fn every_kind_says_what_a_bad_value_gets() {
    for row in rows() {
        let refused = row.value.examples().refused;
        let when_bad = row.value.when_bad().en;
        match when_bad {
            "exit code 2" => assert!(!refused.is_empty(), "{row}"),
            "false, with a warning" | "exit code 2 if it is not UTF-8" => {
                assert!(refused.is_empty(), "{row}");
            }
            other => assert!(
                other.contains("exit code 2") && !refused.is_empty(),
                "{row}"
            ),
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
        Settings::load(Features::ALL, args, &environment, &Annotations::default())
    };
    for name in [
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT",
        "PREDICTIVE_UNIT_ID",
        "SELDON_DEBUG",
        "STREELING_LOG_FORMAT",
    ] {
        let text = with(name).unwrap_err().to_string();
        assert!(text.contains("not UTF-8") && text.contains(name), "{text}");
    }
    // A path may be anything, and is looked at where it is needed.
    assert_eq!(with("JAEGER_CONFIG_PATH").unwrap().settings.tracing, None);
}
