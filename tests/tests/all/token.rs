//! The bearer token, over both transports.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};
use streeling_testkit::{Request, Response, Server, ServerCommand, ServerError};

use crate::support::{GRPCURL, TIMEOUT, command_in, echo, eventually};

const TOKEN: &str = "s3cret-0f-the-test";

/// One whose log would show a token.
fn talkative() -> ServerCommand {
    echo()
        .args(["--log-level", "DEBUG"])
        .env("SELDON_LOG_LEVEL", "DEBUG")
}

fn request(verb: &str, path: &str, headers: &[&str]) -> Request {
    let mut request = match verb {
        "POST" => Request::json(path, r#"{"data":{"ndarray":[[1.0]]}}"#),
        _ => Request::get(path),
    };
    request.method = verb.to_owned();
    let authorization = headers.iter().map(|value| (*value).to_owned());
    let headers = authorization.map(|value| ("authorization".to_owned(), value));
    request.headers.extend(headers);
    request
}

fn send(server: &Server, verb: &str, path: &str, headers: &[&str]) -> Response {
    server.send(&request(verb, path, headers)).unwrap()
}

fn status(server: &Server, headers: &[&str]) -> u16 {
    send(server, "POST", "/predict", headers).status
}

/// Whether it succeeded, and what it said.
fn grpcurl(server: &Server, headers: &[&str], method: &str) -> (bool, String) {
    let mut command = Command::new(&*GRPCURL);
    command.args(["-plaintext", "-max-time", "30"]);
    for header in headers {
        command.args(["-H", header]);
    }
    let address = server.grpc_address().to_string();
    let output = command.args([&address, method]).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn requests_need_the_token_and_probes_do_not() {
    let server = talkative()
        .env("STREELING_AUTH_TOKEN", TOKEN)
        .start()
        .unwrap();
    let right = format!("Bearer {TOKEN}");
    for (verb, path) in [
        ("POST", "/predict"),
        ("POST", "/api/v1.0/predictions"),
        ("POST", "/send-feedback"),
        ("GET", "/metadata"),
        ("GET", "/seldon.json"),
        ("GET", "/no/such/route"),
        ("POST", "/health/ping"),
        ("DELETE", "/predict"),
    ] {
        let refused = send(&server, verb, path, &[]);
        assert_eq!(refused.status, 401, "{verb} {path}");
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        let status = &body["status"];
        assert_eq!(status["reason"], "MICROSERVICE_UNAUTHENTICATED");
        assert_eq!(
            (&status["status"], &status["code"]),
            (&json!(1), &json!(-1))
        );
        assert!(
            status["info"]
                .as_str()
                .unwrap()
                .contains("--auth-token-file")
        );
        assert_ne!(
            send(&server, verb, path, &[&right]).status,
            401,
            "{verb} {path}"
        );
    }
    for headers in [
        &["Bearer wrong"][..],
        &[&right[..right.len() - 1]],
        &[&format!("Basic {TOKEN}")],
        &[&right, &right],
    ] {
        assert_eq!(status(&server, headers), 401, "{headers:?}");
    }
    assert_eq!(status(&server, &[&right]), 200);
    // Bytes that are no text, the token among them, and more of them than a token may have.
    for wrong in [
        b"Bearer \xff\xfe".to_vec(),
        [b"Bearer \x80", TOKEN.as_bytes()].concat(),
        [b"Bearer ", TOKEN.as_bytes(), &[b'x'; 100_000]].concat(),
    ] {
        let head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\
                     connection: close\r\nauthorization: ";
        let mut client = TcpStream::connect(server.address()).unwrap();
        client.set_read_timeout(Some(TIMEOUT)).unwrap();
        client
            .write_all(&[&head[..], &wrong, b"\r\n\r\n"].concat())
            .unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 401 "), "{said}");
    }
    for path in ["/health/ping", "/health/status", "/api/v1.0/health/status"] {
        assert_eq!(send(&server, "GET", path, &[]).status, 200, "{path}");
    }
    // A browser asks before it sends what it has to.
    assert_eq!(send(&server, "OPTIONS", "/predict", &[]).status, 200);
    let metrics = server.metrics_address();
    for path in ["/live", "/ready", "/metrics"] {
        assert_eq!(
            Request::get(path).send(metrics, TIMEOUT).unwrap().status,
            200,
            "{path}"
        );
    }
}

#[test]
fn requests_over_grpc_need_the_token_and_health_does_not() {
    let server = talkative()
        .env("STREELING_AUTH_TOKEN", TOKEN)
        .start()
        .unwrap();
    let right = format!("authorization: Bearer {TOKEN}");
    let (ok, said) = grpcurl(&server, &[], "grpc.health.v1.Health/Check");
    // grpcurl knows the health service by reflection, which needs the token.
    assert!(!ok && said.contains("Unauthenticated"), "{said}");
    let (ok, said) = grpcurl(&server, &[&right], "grpc.health.v1.Health/Check");
    assert!(ok && said.contains("SERVING"), "{said}");
    // It comes as far as the decoder.
    let (_, said) = grpcurl(&server, &[&right], "seldon.protos.Model/Predict");
    assert!(said.contains("no payload in the message"), "{said}");
    for wrong in ["authorization: Bearer wrong", "other: x"] {
        // With the token for reflection alone.
        let call = |method: &str| {
            let mut command = Command::new(&*GRPCURL);
            command.args(["-plaintext", "-max-time", "30", "-reflect-header", &right]);
            command.args(["-rpc-header", wrong, &server.grpc_address().to_string()]);
            let output = command.arg(method).output().unwrap();
            (
                output.status.success(),
                String::from_utf8(output.stderr).unwrap(),
            )
        };
        let (ok, said) = call("grpc.health.v1.Health/Check");
        assert!(ok, "{said}");
        let (ok, said) = call("seldon.protos.Model/Predict");
        assert!(!ok, "{said}");
        assert!(
            said.contains("Code: Unauthenticated") && said.contains("bearer token"),
            "{said}"
        );
        // "ICROSERVICE_UNAUTHENTICATED", in details that grpcurl shows in base64.
        let reason = "SUNST1NFUlZJQ0VfVU5BVVRIRU5USUNBVEVE";
        assert!(said.contains(reason), "{said}");
    }
    // At DEBUG, with all that the libraries beneath have to say.
    let log = server.log().join("\n");
    assert!(
        log.contains("Unauthenticated") && !log.contains(TOKEN),
        "{log}"
    );
}

#[test]
fn the_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let path = file.to_str().unwrap();
    fs::write(&file, "old\n").unwrap();
    let server = talkative()
        .args(["--auth-token-file", path])
        .start()
        .unwrap();
    assert_eq!(status(&server, &["Bearer old"]), 200);
    assert_eq!(status(&server, &["Bearer new"]), 401);
    fs::write(&file, "old\nnew\n").unwrap();
    eventually("both tokens", || status(&server, &["Bearer new"]) == 200);
    assert_eq!(status(&server, &["Bearer old"]), 200);
    fs::write(&file, "new").unwrap();
    eventually("the new token alone", || {
        status(&server, &["Bearer old"]) == 401
    });
    fs::write(&file, "").unwrap();
    let line = server.wait_for_log("the bearer tokens stay as they were");
    assert!(line.contains("there is no token in it"), "{line}");
    assert_eq!(status(&server, &["Bearer new"]), 200);
    assert_eq!(status(&server, &[]), 401);
}

#[test]
fn a_token_that_cannot_be_used_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let many = folder.path().join("many");
    fs::write(&many, "t0ken\n".repeat(17)).unwrap();
    let (empty, many) = (empty.to_str().unwrap(), many.to_str().unwrap());
    let missing = "/no/such/token";
    for (file, why) in [
        (empty, "there is no token in it"),
        (many, "it has 17 lines with tokens, allowed are 16"),
        (missing, "no such file or directory"),
    ] {
        let ended = talkative().args(["--auth-token-file", file]).start();
        let Err(ServerError::Exited { status, log }) = ended else {
            panic!("it has started: {ended:?}");
        };
        assert_eq!(status.code(), Some(2), "{log}");
        let expected = format!("--auth-token-file (STREELING_AUTH_TOKEN_FILE): {file}: {why}");
        assert!(log.contains(&expected) && !log.contains("t0ken"), "{log}");
    }
    // A secret that is not there must not let everyone in.
    for (token, why) in [("", "an empty value"), ("two t0kens", "not shown")] {
        for flags in [&[][..], &["--check"]] {
            let ended = talkative().args(flags).env("STREELING_AUTH_TOKEN", token);
            let Err(ServerError::Exited { status, log }) = ended.start() else {
                panic!("it has started with {token:?}");
            };
            assert_eq!(status.code(), Some(2), "{log}");
            assert!(
                log.contains("STREELING_AUTH_TOKEN") && log.contains(why),
                "{log}"
            );
            assert!(!log.contains("t0kens"), "{log}");
        }
    }
}

#[test]
fn neither_the_component_nor_a_log_gets_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let component = "import os\n\
                     from flask import request\n\
                     class Curious:\n\
                     \x20   def predict(self, X, names=None, meta=None):\n\
                     \x20       seen = [request.headers.get('Authorization')]\n\
                     \x20       seen += [str(sorted(os.environ)), str(os.environ)]\n\
                     \x20       return [seen[0] or 'no header', seen[1]]\n";
    fs::write(folder.path().join("Curious.py"), component).unwrap();
    for pool in ["separate", "shared"] {
        let server = command_in(folder.path(), "Curious")
            .args([
                "--log-level",
                "DEBUG",
                "--access-log",
                "1",
                "--worker-pool",
                pool,
            ])
            .env("STREELING_AUTH_TOKEN", TOKEN)
            .env("A_COMPONENTS_OWN", "stays")
            .start()
            .unwrap();
        let right = format!("Bearer {TOKEN}");
        let response = send(&server, "POST", "/predict", &[&right]);
        let body = String::from_utf8(response.body).unwrap();
        assert_eq!(response.status, 200, "{body}");
        assert!(
            body.contains("no header") && body.contains("A_COMPONENTS_OWN"),
            "{body}"
        );
        assert!(!body.contains("STREELING_AUTH_TOKEN"), "{body}");
        assert_eq!(status(&server, &["Bearer not-the-t0ken"]), 401);
        eventually("the log", || {
            server.log().iter().any(|line| line.contains("401"))
        });
        let log = server.log().join("\n");
        assert!(
            !log.contains(TOKEN) && !log.contains("not-the-t0ken"),
            "{log}"
        );
    }
}
