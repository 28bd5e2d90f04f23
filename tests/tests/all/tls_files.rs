//! The files of TLS: what they may be, and what happens when they change.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use streeling_testkit::ServerError;

use crate::certificates::{Authority, Pair, text};
use crate::support::{bare_command, eventually, root};
use crate::tls::{curl, serve, url};

#[test]
fn certificates_are_read_again_and_connections_stay() {
    let (first, second) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, authority) in [("1", &first), ("2", &second)] {
        fs::create_dir(at(version)).unwrap();
        let pair = authority.pair("server");
        fs::copy(&pair.certificate, at(version).join("tls.crt")).unwrap();
        fs::copy(&pair.key, at(version).join("tls.key")).unwrap();
    }
    // As Kubernetes mounts a secret.
    let swap = |version: &str| {
        symlink(version, at("..next")).unwrap();
        fs::rename(at("..next"), at("..data")).unwrap();
    };
    swap("1");
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), at(name)).unwrap();
    }
    let pair = Pair {
        certificate: at("tls.crt"),
        key: at("tls.key"),
    };
    let server = serve(&pair, &[]);
    let address = server.address();
    let mut open = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ping = |expected: &str| {
        let stdin = open.stdin.as_mut().unwrap();
        stdin
            .write_all(b"GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        let mut said = String::new();
        let mut byte = [0];
        while !said.ends_with(expected) {
            open.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
            said.push(byte[0].into());
        }
    };
    ping("pong");
    let target = url(address, "/health/ping");
    assert!(curl(&first, &[&target]).0 && !curl(&second, &[&target]).0);
    swap("2");
    server.wait_for_log("the TLS files are read again");
    eventually("the new certificate", || curl(&second, &[&target]).0);
    assert!(!curl(&first, &[&target]).0);
    ping("pong");

    // A key of another pair, and then no certificate at all: the old pair stays.
    fs::create_dir(at("3")).unwrap();
    fs::copy(at("1/tls.key"), at("3/tls.key")).unwrap();
    fs::copy(at("2/tls.crt"), at("3/tls.crt")).unwrap();
    swap("3");
    let line = server.wait_for_log("stay as they were");
    assert!(
        line.contains("the key does not belong to the certificate"),
        "{line}"
    );
    fs::create_dir(at("4")).unwrap();
    fs::write(at("4/tls.crt"), "none").unwrap();
    fs::copy(at("2/tls.key"), at("4/tls.key")).unwrap();
    swap("4");
    server.wait_for_log("it has no certificate in PEM");
    assert!(curl(&second, &[&target]).0);
    ping("pong");
    open.kill().unwrap();
    open.wait().unwrap();
}

/// What a start that fails has said.
fn refused(flags: &[String]) -> String {
    for check in [&[][..], &["--check"]] {
        let ended = bare_command(root())
            .args(["rust:echo", "--http-port", "0", "--host", "127.0.0.1"])
            .args(flags)
            .args(check)
            .start();
        let Err(ServerError::Exited { status, log }) = ended else {
            panic!("it has started with {flags:?}: {ended:?}");
        };
        assert_eq!(status.code(), Some(2), "{log}");
        if check.is_empty() {
            continue;
        }
        assert_eq!(log.lines().count(), 1, "{log}");
        return log;
    }
    unreachable!("there are two rounds")
}

#[test]
fn a_file_that_cannot_be_used_is_named_at_the_start() {
    let authority = Authority::new();
    let (one, two) = (authority.pair("one"), authority.pair("two"));
    let with = |certificate: &str, key: &str| {
        let pair = Pair {
            certificate: authority.at(certificate),
            key: authority.at(key),
        };
        refused(&pair.flags())
    };
    let (cert, key) = (
        "--tls-cert-file (STREELING_TLS_CERT_FILE, SELDON_CERT_MOUNT_PATH): ",
        "--tls-key-file (STREELING_TLS_KEY_FILE, SELDON_CERT_MOUNT_PATH): ",
    );
    fs::write(authority.at("broken"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    fs::write(
        authority.at("locked"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    for (certificate, its_key, setting, file, why) in [
        (
            "missing",
            "one.key",
            cert,
            "missing",
            "no such file or directory",
        ),
        ("broken", "one.key", cert, "broken", "not valid PEM"),
        (
            "one.key",
            "one.key",
            cert,
            "one.key",
            "it has no certificate in PEM",
        ),
        (
            "one.crt",
            "missing",
            key,
            "missing",
            "no such file or directory",
        ),
        (
            "one.crt",
            "one.crt",
            key,
            "one.crt",
            "it has no private key in PEM",
        ),
        ("one.crt", "locked", key, "locked", "the key is encrypted"),
        (
            "one.crt",
            "two.key",
            key,
            "two.key",
            "does not belong to the certificate",
        ),
    ] {
        let said = with(certificate, its_key);
        let expected = format!("{setting}{}", text(&authority.at(file)));
        assert!(said.contains(&expected) && said.contains(why), "{said}");
    }
    let mut flags = one.flags().to_vec();
    flags.extend(["--tls-client-ca-file".to_owned(), text(&two.key)]);
    let said = refused(&flags);
    let expected = "--tls-client-ca-file (STREELING_TLS_CLIENT_CA_FILE): ";
    assert!(
        said.contains(expected) && said.contains("no certificate in PEM"),
        "{said}"
    );
}

#[test]
fn keys_are_in_no_log() {
    let authority = Authority::new();
    let pair = authority.pair("server");
    let server = serve(&pair, &["--log-level", "DEBUG"]);
    let key = fs::read_to_string(&pair.key).unwrap();
    assert!(curl(&authority, &[&url(server.address(), "/health/ping")]).0);
    // A key where the certificate should be, and half of one where the key should be.
    fs::write(&pair.certificate, &key).unwrap();
    server.wait_for_log("stay as they were");
    fs::copy(authority.file(), &pair.certificate).unwrap();
    fs::write(&pair.key, &key[..key.len() / 2]).unwrap();
    server.wait_for_log("it is not valid PEM");
    let log = server.log().join("\n");
    for line in key.lines().filter(|line| !line.starts_with('-')) {
        assert!(!log.contains(line) && !log.contains(&line[..16]), "{log}");
    }
    assert!(!log.contains("BEGIN"), "{log}");
}
