use super::*;

#[test]
fn an_active_setting_does_not_warn() {
    for (args, variables) in [
        (
            &["--workers", "4", "--threads=2", "--host", "::1"][..],
            &[][..],
        ),
        (
            &["--max-queue", "1", "--bind-deadline", "1"],
            &[("GUNICORN_KEEPALIVE", "5")],
        ),
        (
            &["--graceful-timeout", "1"],
            &[("STREELING_LOG_FORMAT", "json")],
        ),
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
    let yaml = [("MODEL_METADATA", "name: [a")];
    let warned = warnings(&[], &yaml);
    assert!(
        warned.len() == 1 && warned[0].contains("MODEL_METADATA"),
        "{warned:?}"
    );
    assert_eq!(
        iris(&[], &yaml)
            .settings
            .deployment
            .model_metadata
            .as_deref(),
        Some("{}")
    );
}
