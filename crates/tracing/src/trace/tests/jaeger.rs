use std::net::UdpSocket;

use super::*;

fn agent() -> (UdpSocket, Backend) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let host = "127.0.0.1".to_owned();
    (socket, Backend::Jaeger(Agent { host, port }))
}

fn contains(packet: &[u8], text: &str) -> bool {
    packet
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn an_agent_gets_packets() {
    let (socket, backend) = agent();
    let tracer = Arc::new(Tracer::start(&config(backend)).unwrap());
    request(&observers(&tracer), &REST, &[], code(500, true));
    let mut packet = vec![0; 1 << 16];
    let length = socket.recv(&mut packet).unwrap();
    let packet = &packet[..length];
    // The compact protocol, a one-way call.
    assert_eq!(packet[0], 0x82);
    for text in [
        "emitBatch",
        "Iris",
        "jaeger.version",
        "hostname",
        "127.0.0.1",
        "Predict",
        "span.kind",
        "server",
        "error",
        "http://localhost:9000/predict",
        "sampler.type",
        "const",
        "team",
        "decode",
        "queue",
        "component",
        "encode",
    ] {
        assert!(contains(packet, text), "{text}");
    }
    wait_for("spans are counted", || counts(&tracer)["exported"] == 5);
}

#[test]
fn a_large_batch_is_split() {
    let (socket, backend) = agent();
    let mut config = config(backend);
    config.limits.delay = 2 * TIMEOUT;
    config.tags = vec![("long".to_owned(), "x".repeat(1000))];
    let tracer = Arc::new(Tracer::start(&config).unwrap());
    let observers = observers(&tracer);
    // Only two packets, since the system buffers few of them.
    for _ in 0..20 {
        request(&observers, &REST, &[], code(200, false));
    }
    tracer.stop(TIMEOUT);
    assert_eq!(counts(&tracer)["exported"], 100);
    let mut packet = vec![0; 1 << 17];
    let mut packets = 0;
    // What was sent to this machine has arrived.
    socket.set_nonblocking(true).unwrap();
    while let Ok(length) = socket.recv(&mut packet) {
        assert!(length <= 65_000, "{length}");
        packets += 1;
    }
    assert!(packets == 2, "{packets}");
}

#[test]
fn an_agent_with_an_unknown_name_does_not_fail_the_start() {
    // Longer than DNS allows, so that no query is sent.
    let host = format!("{}.invalid", "x".repeat(64));
    let tracer = Tracer::start(&config(Backend::Jaeger(Agent { host, port: 1 })));
    let tracer = Arc::new(tracer.unwrap());
    request(&observers(&tracer), &REST, &[], code(200, false));
    wait_for("the failure is counted", || {
        counts(&tracer)["export_failed"] == 5
    });
}
