//! TLS on the ports, as curl, grpcurl and openssl see it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use streeling_testkit::{Request, Server, ServerError, Signal};

use crate::certificates::{Authority, Pair, text};
use crate::collector::{Collector, Span};
use crate::metrics::scrape;
use crate::support::{GRPCURL, Gate, TIMEOUT, bare_command, command, echo, eventually, root};

/// What a program has said, on both streams, and whether it succeeded.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} (apt install it): {error}"));
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

pub(crate) fn curl(authority: &Authority, args: &[&str]) -> (bool, String) {
    let mut command = Command::new("curl");
    command.args(["-sS", "-m", "30", "--cacert", &authority.file()]);
    run(command.args(args))
}

fn openssl(address: SocketAddr, args: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string()]);
    run(command.args(args))
}

fn grpcurl(authority: &Authority, address: SocketAddr, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(&*GRPCURL);
    command.args(["-max-time", "30", "-cacert", &authority.file()]);
    run(command
        .args(args)
        .args([&address.to_string(), "grpc.health.v1.Health/Check"]))
}

pub(crate) fn url(address: SocketAddr, path: &str) -> String {
    format!("https://{address}{path}")
}

/// A server of both transports, which needs no Python.
pub(crate) fn serve(pair: &Pair, flags: &[&str]) -> Server {
    echo().args(pair.flags()).args(flags).start().unwrap()
}

const JSON: &str = "content-type: application/json";

const BODY: &str = r#"{"data":{"ndarray":[[1.0,2.0]]}}"#;

#[test]
fn every_protocol_is_spoken_over_tls() {
    let authority = Authority::new();
    let server = serve(&authority.pair("server"), &["--tls-metrics", "1"]);
    let (rest, grpc) = (server.address(), server.grpc_address());
    let target = url(rest, "/predict");
    for version in ["1.2", "1.3"] {
        let request = ["-H", JSON, "-d", BODY, "--tls-max", version, &target];
        let (ok, said) = curl(&authority, &request);
        assert!(ok && said.contains("[[1.0,2.0]]"), "{said}");
    }
    let (ok, said) = grpcurl(&authority, grpc, &[]);
    assert!(ok && said.contains("SERVING"), "{said}");
    let (ok, said) = curl(&authority, &[&url(server.metrics_address(), "/metrics")]);
    assert!(ok, "{said}");
    let completed = r#"streeling_tls_handshakes_total{outcome="completed"}"#;
    assert!(said.contains(completed), "{said}");
    assert!(server.wait_for_log("serving REST").contains("https://"));

    for (address, protocol) in [(rest, "http/1.1"), (grpc, "h2")] {
        let offered = ["-alpn", "h2,http/1.1", "-tls1_3", "-CAfile"];
        let (_, said) = openssl(address, &[&offered[..], &[&authority.file()]].concat());
        assert!(
            said.contains(&format!("ALPN protocol: {protocol}")),
            "{said}"
        );
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        let (_, said) = openssl(address, &["-alpn", "spdy/1"]);
        assert!(said.contains("no application protocol"), "{said}");
    }
}

#[test]
fn a_large_body_goes_both_ways() {
    let authority = Authority::new();
    let server = serve(&authority.pair("server"), &[]);
    let body = authority.at("body");
    let row = vec!["0.125"; 1_000_000].join(",");
    fs::write(&body, format!(r#"{{"data":{{"ndarray":[[{row}]]}}}}"#)).unwrap();
    let body = format!("@{}", text(&body));
    let target = url(server.address(), "/predict");
    let (ok, said) = curl(&authority, &["-H", JSON, "--data-binary", &body, &target]);
    assert!(ok && said.contains(&row));
}

#[test]
fn old_versions_are_refused() {
    let authority = Authority::new();
    let pair = authority.pair("server");
    let server = serve(&pair, &[]);
    // OpenSSL itself does not offer them otherwise.
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let (_, said) = openssl(server.address(), &old);
    assert!(said.contains("alert handshake failure"), "{said}");
    assert!(said.contains("Cipher is (NONE)"), "{said}");
    let (_, said) = openssl(server.address(), &["-tls1_2"]);
    assert!(said.contains("TLSv1.2"), "{said}");

    let newest = serve(&pair, &["--tls-min-version", "1.3"]);
    let (_, said) = openssl(newest.address(), &["-tls1_2"]);
    assert!(said.contains("alert protocol version"), "{said}");
    let (_, said) = openssl(newest.address(), &["-tls1_3"]);
    assert!(said.contains("TLSv1.3"), "{said}");
}

#[test]
fn clients_must_have_a_certificate_where_authorities_are_given() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = serve(
        &authority.pair("server"),
        &[
            "--tls-client-ca-file",
            &authority.file(),
            "--tls-metrics",
            "1",
        ],
    );
    let with = |pair: &Pair| -> Vec<String> {
        let (certificate, key) = (text(&pair.certificate), text(&pair.key));
        ["--cert", &certificate, "--key", &key]
            .map(str::to_owned)
            .into()
    };
    let good = with(&authority.pair("client"));
    let wrong = with(&other.pair("client"));
    let expired = with(&authority.expired("old"));
    let metrics = server.metrics_address();
    for (address, path) in [(server.address(), "/health/ping"), (metrics, "/live")] {
        let target = url(address, path);
        for (flags, expected) in [
            (&good, Ok(())),
            (&vec![], Err("certificate required")),
            (&wrong, Err("alert unknown ca")),
            (&expired, Err("alert certificate expired")),
        ] {
            let flags: Vec<&str> = flags.iter().map(String::as_str).chain([&*target]).collect();
            let (ok, said) = curl(&authority, &flags);
            match expected {
                Ok(()) => assert!(ok, "{said}"),
                Err(why) => assert!(!ok && said.contains(why), "{why}: {said}"),
            }
        }
    }
    let grpc = server.grpc_address();
    let client: Vec<String> = good.iter().map(|flag| flag.replace("--", "-")).collect();
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    let (ok, said) = grpcurl(&authority, grpc, &client);
    assert!(ok && said.contains("SERVING"), "{said}");
    let (ok, said) = grpcurl(&authority, grpc, &[]);
    assert!(!ok, "{said}");
    // A session of before would count for a certificate that has ended meanwhile.
    let (_, said) = openssl(
        server.address(),
        &[&client[..], &["-tls1_2", "-reconnect"]].concat(),
    );
    assert!(said.contains("New, TLSv1.2"), "{said}");
    assert!(!said.contains("Reused, "), "{said}");
}

#[test]
fn sessions_are_resumed_where_clients_need_no_certificate() {
    let authority = Authority::new();
    let server = serve(&authority.pair("server"), &[]);
    let (_, said) = openssl(server.address(), &["-tls1_2", "-reconnect"]);
    assert!(said.contains("Reused, TLSv1.2"), "{said}");
}

#[test]
fn a_handshake_with_an_rsa_key_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pair = Pair {
        certificate: at("crt"),
        key: at("key"),
    };
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:3072", "-nodes", "-subj"]);
    make.args(["/CN=a", "-addext", "subjectAltName=IP:127.0.0.1", "-out"]);
    make.arg(&pair.certificate).arg("-keyout").arg(&pair.key);
    let (ok, said) = run(&mut make);
    assert!(ok, "{said}");
    let server = serve(&pair, &["--tls-handshake-timeout", "30"]);
    let target = url(server.address(), "/health/ping");
    for version in ["1.2", "1.3"] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "30", "--tls-max", version, "--cacert"]);
        let (ok, said) = run(curl.arg(&pair.certificate).arg(&target));
        assert!(ok && said == "pong", "{said}");
    }
}

#[test]
fn handshakes_count_as_connections_and_make_room() {
    let authority = Authority::new();
    let flags = [
        "--max-connections",
        "8",
        "--tls-handshake-timeout",
        "3600",
        "--tls-metrics",
        "0",
    ];
    let server = serve(&authority.pair("server"), &flags);
    let _silent: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut client = TcpStream::connect(server.address()).unwrap();
            client.write_all(b"\x16\x03\x01").unwrap();
            client
        })
        .collect();
    eventually("eight connections", || {
        scrape(&server).contains("streeling_connections{port=\"rest\"} 8")
    });
    let (ok, said) = curl(&authority, &[&url(server.address(), "/health/ping")]);
    assert!(ok && said == "pong", "{said}");
    let shed = "streeling_connections_shed_total{port=\"rest\"} ";
    let text = scrape(&server);
    let line = text.lines().find(|line| line.starts_with(shed));
    assert_ne!(line.unwrap().strip_prefix(shed), Some("0.0"), "{text}");
    // They were closed in their turn, which is no fault of theirs.
    assert!(!server.log().join("\n").contains("--write-timeout"));
}

#[test]
fn a_client_refuses_a_server_that_is_not_who_it_should_be() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = serve(&authority.expired("server"), &[]);
    let target = url(server.address(), "/health/ping");
    let (ok, said) = curl(&authority, &[&target]);
    assert!(!ok && said.contains("expired"), "{said}");
    let (ok, said) = curl(&other, &[&target]);
    assert!(!ok && said.contains("certificate"), "{said}");
}

#[test]
fn a_client_without_tls_gets_a_clear_end() {
    let authority = Authority::new();
    let server = serve(&authority.pair("server"), &["--tls-metrics", "1"]);
    let metrics = server.metrics_address();
    for address in [server.address(), metrics] {
        let response = Request::json("/predict", BODY)
            .send(address, TIMEOUT)
            .unwrap();
        assert_eq!(response.status, 400);
        let body = String::from_utf8(response.body).unwrap();
        assert!(body.contains("this port speaks TLS"), "{body}");
    }
    let mut command = Command::new(&*GRPCURL);
    let address = server.grpc_address().to_string();
    let (ok, said) = run(command.args(["-plaintext", "-max-time", "5", &address, "list"]));
    assert!(!ok, "{said}");
    let mut h2c = TcpStream::connect(server.grpc_address()).unwrap();
    h2c.set_read_timeout(Some(TIMEOUT)).unwrap();
    h2c.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut end = Vec::new();
    h2c.read_to_end(&mut end).unwrap();
    assert!(String::from_utf8_lossy(&end).ends_with("this port speaks TLS"));
    // What speaks neither gets nothing.
    let mut other = TcpStream::connect(server.address()).unwrap();
    other.set_read_timeout(Some(TIMEOUT)).unwrap();
    other.write_all(b"\0\x01\x02").unwrap();
    assert_eq!(other.read_to_end(&mut end).unwrap(), 0);
    let (_, said) = curl(&authority, &[&url(metrics, "/metrics")]);
    assert!(
        said.contains(r#"streeling_tls_handshakes_total{outcome="plain"}"#),
        "{said}"
    );
}

#[test]
fn slow_handshakes_hold_up_no_others_and_end() {
    let authority = Authority::new();
    let server = serve(&authority.pair("server"), &["--tls-handshake-timeout", "1"]);
    let mut silent: Vec<TcpStream> = (0..100)
        .map(|index| {
            let mut client = TcpStream::connect(server.address()).unwrap();
            client.set_read_timeout(Some(TIMEOUT)).unwrap();
            if index % 2 == 0 {
                // The start of a handshake of which no more comes.
                client.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
            }
            client
        })
        .collect();
    let (ok, said) = curl(&authority, &[&url(server.address(), "/health/ping")]);
    assert!(ok && said == "pong", "{said}");
    for client in &mut silent {
        let mut end = Vec::new();
        assert_eq!(client.read_to_end(&mut end).unwrap(), 0);
    }
    eventually("the count", || {
        scrape(&server).contains(r#"streeling_tls_handshakes_total{outcome="late"} 100"#)
    });
    // Who does no handshake is not one who does not read.
    let unread = r#"streeling_connections_cut_total{port="rest",reason="unread"} 0"#;
    assert!(scrape(&server).contains(unread));
}

#[test]
fn traces_go_to_a_collector_over_tls() {
    let authority = Authority::new();
    let (theirs, ours) = (authority.pair("collector"), authority.pair("server"));
    let (certificate, key) = (text(&theirs.certificate), text(&theirs.key));
    let collector = Collector::start_with(&["--tls", &certificate, &key, &authority.file()]);
    for (protocol, endpoint) in collector.with_tls() {
        let echo = |authorities: &str| {
            bare_command(root())
                .args(["rust:echo", "--http-port", "0", "--host", "127.0.0.1"])
                .env("TRACING", "1")
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
                .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
                .env("OTEL_EXPORTER_OTLP_CERTIFICATE", authorities)
                .env("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &ours.certificate)
                .env("OTEL_EXPORTER_OTLP_CLIENT_KEY", &ours.key)
        };
        let request = Request::json("/predict", BODY);
        let stranger = echo(&Authority::new().file()).start().unwrap();
        assert_eq!(stranger.send(&request).unwrap().status, 200);
        stranger.wait_for_log(&format!("the collector {endpoint}"));
        drop(stranger);

        let via = protocol.split('/').next().unwrap();
        let here = |span: &Span| span.name == "Predict" && span.via.contains(via);
        assert!(!collector.spans().iter().any(here));
        let server = echo(&authority.file()).start().unwrap();
        assert_eq!(server.send(&request).unwrap().status, 200);
        assert!(collector.spans_after(server).iter().any(here));

        let ended = echo(&text(&ours.key)).start();
        let Err(ServerError::Exited { status, log }) = ended else {
            panic!("it has started: {ended:?}");
        };
        assert_eq!(status.code(), Some(2), "{log}");
        let expected = format!("OTEL_EXPORTER_OTLP_CERTIFICATE: {}", text(&ours.key));
        assert!(log.contains(&expected), "{log}");
    }
}

#[test]
fn a_drain_waits_for_requests_over_tls() {
    let authority = Authority::new();
    let mut server = command("Scripted")
        .args(authority.pair("server").flags())
        .start()
        .unwrap();
    let target = url(server.address(), "/predict");
    let _silent = TcpStream::connect(server.address()).unwrap();
    let gate = Gate::closed();
    let hold = String::from_utf8(gate.hold(0).body.unwrap()).unwrap();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| curl(&authority, &["-i", "-H", JSON, "-d", &hold, &target]));
        server.wait_for_log("held with 0");
        server.signal(Signal::TERM).unwrap();
        eventually("a closed port", || {
            TcpStream::connect(server.address()).is_err()
        });
        gate.open();
        let (ok, said) = call.join().unwrap();
        assert!(ok && said.starts_with("HTTP/1.1 200"), "{said}");
    });
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
    // Nor does the drain wait for a client that has not done its handshake.
    let log = server.log().join("\n");
    assert!(!log.contains("connections cut off"), "{log}");
}
