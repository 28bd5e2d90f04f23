/// What is compiled in, of what a build may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// The REST server.
    pub rest: bool,
    /// The gRPC server.
    pub grpc: bool,
    /// The metrics server, with the health probes.
    pub metrics: bool,
    /// The exporter of traces to a Jaeger agent.
    pub jaeger: bool,
    /// The exporter of traces by OTLP.
    pub otlp: bool,
}

impl Features {
    /// All of them.
    pub const ALL: Self = Self {
        rest: true,
        grpc: true,
        metrics: true,
        jaeger: true,
        otlp: true,
    };
}
