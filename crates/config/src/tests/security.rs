//! TLS and the token.

use super::*;
use crate::{Security, Tls, TlsVersion, TokenSource};

fn error(args: &[&str], variables: Variables<'_>) -> String {
    let args: Vec<&str> = ["Iris"].iter().chain(args).copied().collect();
    let error = load(&args, variables, "").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

fn plain() -> Tls {
    Tls {
        certificate: "a.crt".into(),
        key: "a.key".into(),
        client_ca: None,
        least: TlsVersion::Tls12,
        handshake_timeout: Duration::from_secs(10),
        metrics: false,
    }
}

#[test]
fn nothing_is_on_unless_it_is_set() {
    assert_eq!(quiet(&[], &[]).security, Security::default());
}

#[test]
fn a_certificate_and_its_key_switch_tls_on() {
    let given = ["--tls-cert-file", "a.crt", "--tls-key-file", "a.key"];
    assert_eq!(quiet(&given, &[]).security.tls, Some(plain()));
    let variables = [
        ("STREELING_TLS_CERT_FILE", "a.crt"),
        ("STREELING_TLS_KEY_FILE", "a.key"),
        ("STREELING_TLS_CLIENT_CA_FILE", "ca.crt"),
        ("STREELING_TLS_MIN_VERSION", "1.3"),
        ("STREELING_TLS_METRICS", "1"),
        ("STREELING_TLS_HANDSHAKE_TIMEOUT", "3"),
    ];
    let expected = Tls {
        client_ca: Some("ca.crt".into()),
        least: TlsVersion::Tls13,
        handshake_timeout: Duration::from_secs(3),
        metrics: true,
        ..plain()
    };
    assert_eq!(quiet(&[], &variables).security.tls, Some(expected));
}

#[test]
fn what_tls_needs_is_named() {
    let (cert, key) = (
        "--tls-cert-file (STREELING_TLS_CERT_FILE)",
        "--tls-key-file (STREELING_TLS_KEY_FILE)",
    );
    for (given, names, missing) in [
        (["--tls-cert-file", "a"], cert, key),
        (["--tls-key-file", "a"], key, cert),
        (
            ["--tls-client-ca-file", "a"],
            "--tls-client-ca-file (STREELING_TLS_CLIENT_CA_FILE)",
            cert,
        ),
        (
            ["--tls-metrics", "1"],
            "--tls-metrics (STREELING_TLS_METRICS)",
            cert,
        ),
    ] {
        let expected = format!("{names} is set and {missing} is not: TLS needs both");
        assert_eq!(error(&given, &[]), expected);
    }
}

#[test]
fn a_build_without_tls_says_so() {
    let features = Features {
        tls: false,
        ..Features::ALL
    };
    let args = ["x", "Iris", "--tls-cert-file=a", "--tls-key-file=b"].map(OsString::from);
    let (environment, annotations) = (Environment::default(), Annotations::default());
    let error = Settings::load(features, args, &environment, &annotations).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--tls-cert-file (STREELING_TLS_CERT_FILE), set by the command line: this build has no \
         TLS, which is the Cargo feature 'tls'"
    );
}

#[test]
fn the_operators_folder_counts_where_there_is_no_orchestrator() {
    let variables = [("SELDON_CERT_MOUNT_PATH", "/cert/")];
    let with = |variables: Variables<'_>, notes: &str| {
        let loaded = load(&["Iris"], variables, notes).unwrap();
        (loaded.settings.security.tls, loaded.warnings)
    };
    let (tls, warnings) = with(&variables, "seldon.io/no-engine=\"true\"");
    let tls = tls.unwrap();
    assert_eq!(
        (tls.certificate, tls.key),
        ("/cert/tls.crt".into(), "/cert/tls.key".into())
    );
    assert_eq!(warnings, []);

    let named = [
        variables[0],
        ("SELDON_CERT_FILE_NAME", "a.pem"),
        ("SELDON_CERT_KEY_FILE_NAME", "b.pem"),
    ];
    let tls = with(&named, "seldon.io/no-engine=\"true\"").0.unwrap();
    assert_eq!(
        (tls.certificate, tls.key),
        ("/cert/a.pem".into(), "/cert/b.pem".into())
    );

    let (tls, warnings) = with(&variables, "");
    assert_eq!(tls, None);
    let warning = warnings[0].to_string();
    assert!(
        warning.contains("SELDON_CERT_MOUNT_PATH is left out"),
        "{warning}"
    );
    assert!(warning.contains("seldon.io/no-engine"), "{warning}");

    let both = [
        variables[0],
        ("STREELING_TLS_CERT_FILE", "a.crt"),
        ("STREELING_TLS_KEY_FILE", "a.key"),
    ];
    assert_eq!(with(&both, "").0, Some(plain()));
}

#[test]
fn a_token_has_one_source_and_is_in_no_message() {
    let of = |args: &[&str], variables: Variables<'_>| quiet(args, variables).security.token;
    let file = Some(TokenSource::File("t".into()));
    assert_eq!(of(&["--auth-token-file", "t"], &[]), file);
    assert_eq!(of(&[], &[("STREELING_AUTH_TOKEN_FILE", "t")]), file);
    let Some(TokenSource::Variable(token)) = of(&[], &[("STREELING_AUTH_TOKEN", "s3cret\n")])
    else {
        panic!("the variable does not count");
    };
    assert_eq!(token.reveal(), "s3cret");
    let settings = quiet(&[], &[("STREELING_AUTH_TOKEN", "s3cret")]);
    assert!(!format!("{settings:?}").contains("s3cret"));
    let both = error(
        &["--auth-token-file", "t"],
        &[("STREELING_AUTH_TOKEN", "s3cret")],
    );
    assert_eq!(
        both,
        "--auth-token-file (STREELING_AUTH_TOKEN_FILE) and STREELING_AUTH_TOKEN are both set: set \
         one of them"
    );
    let empty = [("STREELING_AUTH_TOKEN", "")];
    assert_eq!(
        error(&[], &empty),
        "STREELING_AUTH_TOKEN: an empty value from the variable STREELING_AUTH_TOKEN cannot be \
         used (it would protect nothing; unset it if that is meant), allowed is 1 to 4096 visible \
         ASCII characters"
    );
    for name in [
        "STREELING_AUTH_TOKEN_FILE",
        "STREELING_TLS_CERT_FILE",
        "STREELING_TLS_KEY_FILE",
        "STREELING_TLS_CLIENT_CA_FILE",
    ] {
        let error = error(&[], &[(name, "")]);
        assert!(
            error.contains(&format!("an empty value from the variable {name}")),
            "{error}"
        );
    }
    assert_eq!(of(&["--auth-token-file", "t"], &empty), file);
    let bad = error(&[], &[("STREELING_AUTH_TOKEN", "two s3crets")]);
    assert!(
        bad.contains("not shown") && !bad.contains("s3cret"),
        "{bad}"
    );
}
