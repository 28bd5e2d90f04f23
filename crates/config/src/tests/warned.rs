use super::*;

/// A value other than the default, for every kind of row that may lack its part.
fn another(row: &Row) -> &'static str {
    match row.kind {
        Kind::Port | Kind::Count { .. } | Kind::LinkedPort => "7",
        Kind::Switch | Kind::LooseSwitch => match row.preset_is_true() {
            true => "0",
            false => "1",
        },
        Kind::Word(words) => words[words.len() - 1],
        Kind::UrlPath => "/prometheus",
        Kind::Text | Kind::File => "x",
        other => panic!("say what another value of {other:?} is"),
    }
}

impl Row {
    fn preset_is_true(&self) -> bool {
        self.shown_default().starts_with("true")
    }
}

#[test]
fn a_setting_whose_part_is_missing_warns_unless_it_is_at_its_default() {
    for row in TABLE {
        let Acts::NotYet(part) = row.acts else {
            continue;
        };
        let value = another(row);
        if let Some(args) = as_flag(row, value) {
            let args: Vec<&str> = args[1..].iter().map(String::as_str).collect();
            let texts = warnings(&args, &[]);
            assert!(
                texts.len() == 1 && texts[0].contains(part),
                "{}: {texts:?}",
                row.key
            );
            assert!(texts[0].contains(&row.key.to_string()), "{texts:?}");
        }
        for variable in row.variables {
            let texts = warnings(&[], &[(variable, value)]);
            assert!(
                texts.len() == 1 && texts[0].contains(part),
                "{}: {texts:?}",
                row.key
            );
            assert!(texts[0].contains(variable), "{texts:?}");
            if let Preset::Text(default) = row.default {
                quiet(&[], &[(variable, default)]);
            }
        }
    }
}

#[test]
fn a_setting_that_acts_does_not_warn() {
    for (args, variables) in [
        (
            &["--workers", "4", "--threads=2", "--host", "::1"][..],
            &[][..],
        ),
        (
            &["--max-queue", "1", "--bind-deadline", "1"],
            &[(names::KEEPALIVE, "5")],
        ),
        (&["--graceful-timeout", "1"], &[(names::LOG_FORMAT, "json")]),
    ] {
        quiet(args, variables);
    }
}

#[test]
fn the_deprecated_flag_warns() {
    for args in [
        &["--persistence"][..],
        &["--persistence", "1"],
        &["--persistence", "0"],
    ] {
        assert_eq!(
            warnings(args, &[]),
            ["--persistence, set by the command line, is deprecated and does nothing"]
        );
    }
}

#[test]
fn metadata_that_is_not_yaml_is_left_out_with_a_warning() {
    let yaml = [(names::MODEL_METADATA, "name: [a")];
    let warned = warnings(&[], &yaml);
    assert!(
        warned.len() == 1 && warned[0].contains("MODEL_METADATA"),
        "{warned:?}"
    );
    assert_eq!(
        iris(&[], &yaml).settings.model_metadata.as_deref(),
        Some("{}")
    );
}
