/// What is compiled in, of what a build may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// The REST server.
    pub rest: bool,
    /// The gRPC server.
    pub grpc: bool,
    /// The metrics server, with the health probes.
    pub metrics: bool,
    /// TLS on the ports.
    pub tls: bool,
    /// The exporter of traces to a Jaeger agent.
    pub jaeger: bool,
    /// The exporter of traces by OTLP.
    pub otlp: bool,
    /// The name of the component, where the program has one of its own: then the command line need
    /// not name any.
    pub component: Option<&'static str>,
}

impl Features {
    /// All of them.
    pub const ALL: Self = Self {
        rest: true,
        grpc: true,
        metrics: true,
        tls: true,
        jaeger: true,
        otlp: true,
        component: None,
    };
}
