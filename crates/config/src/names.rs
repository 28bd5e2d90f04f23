//! The name of every environment variable that counts, in one place.

/// Port of the REST server.
pub const HTTP_PORT: &str = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT";
/// Port of the gRPC server.
pub const GRPC_PORT: &str = "PREDICTIVE_UNIT_GRPC_SERVICE_PORT";
/// Port of the Prometheus endpoint.
pub const METRICS_PORT: &str = "PREDICTIVE_UNIT_METRICS_SERVICE_PORT";
/// The operator's legacy port: known and ignored.
pub const LEGACY_PORT: &str = "PREDICTIVE_UNIT_SERVICE_PORT";
/// Path of the Prometheus endpoint.
pub const METRICS_ENDPOINT: &str = "PREDICTIVE_UNIT_METRICS_ENDPOINT";
/// Keyword arguments of the component's class, as a JSON list.
pub const PARAMETERS: &str = "PREDICTIVE_UNIT_PARAMETERS";
/// Log level, by its documented name.
pub const LOG_LEVEL_ENV: &str = "LOG_LEVEL_ENV";
/// Log level, by the name that seldon-core really reads.
pub const SELDON_LOG_LEVEL: &str = "SELDON_LOG_LEVEL";
/// Development server and log level DEBUG.
pub const DEBUG: &str = "SELDON_DEBUG";
/// Tracing on or off.
pub const TRACING: &str = "TRACING";
/// Worker processes that serve REST.
pub const WORKERS: &str = "GUNICORN_WORKERS";
/// Threads in each REST worker.
pub const THREADS: &str = "GUNICORN_THREADS";
/// Requests after which a worker is replaced.
pub const MAX_REQUESTS: &str = "GUNICORN_MAX_REQUESTS";
/// Most that is added at random to [`MAX_REQUESTS`].
pub const MAX_REQUESTS_JITTER: &str = "GUNICORN_MAX_REQUESTS_JITTER";
/// Seconds that an idle REST connection is kept open.
pub const KEEPALIVE: &str = "GUNICORN_KEEPALIVE";
/// Access log on or off.
pub const ACCESS_LOG: &str = "GUNICORN_ACCESS_LOG";
/// One thread a worker.
pub const SINGLE_THREADED: &str = "FLASK_SINGLE_THREADED";
/// Scrapes left out of the access log.
pub const FILTER_METRICS_ACCESS_LOGS: &str = "FILTER_METRICS_ACCESS_LOGS";
/// Raw bytes to the component and back.
pub const PAYLOAD_PASSTHROUGH: &str = "PAYLOAD_PASSTHROUGH";
/// Worker processes that serve gRPC.
pub const GRPC_WORKERS: &str = "GRPC_WORKERS";
/// Threads in each gRPC worker.
pub const GRPC_THREADS: &str = "GRPC_THREADS";
/// Whether the component's metrics go into the response's `meta`.
pub const INCLUDE_METRICS: &str = "INCLUDE_METRICS_IN_CLIENT_RESPONSE";

/// Separate pools behind the two ports, or a shared one.
pub const WORKER_POOL: &str = "STREELING_WORKER_POOL";
/// Interpreter for Python components.
pub const PYTHON: &str = "STREELING_PYTHON";
/// Folder put first on the component's import path.
pub const APP_DIR: &str = "STREELING_APP_DIR";
/// Address of all ports.
pub const HOST: &str = "STREELING_HOST";
/// Deadline of one request.
pub const TIMEOUT_MS: &str = "STREELING_TIMEOUT_MS";
/// Seconds given to requests under way at SIGTERM.
pub const GRACEFUL_TIMEOUT: &str = "STREELING_GRACEFUL_TIMEOUT";
/// Requests that may wait for a worker.
pub const MAX_QUEUE: &str = "STREELING_MAX_QUEUE";
/// Largest request and response.
pub const MAX_BODY_SIZE: &str = "STREELING_MAX_BODY_SIZE";
/// Seconds until the ports open at the latest.
pub const BIND_DEADLINE: &str = "STREELING_BIND_DEADLINE";
/// Text or JSON log lines.
pub const LOG_FORMAT: &str = "STREELING_LOG_FORMAT";

/// Name of this unit in the inference graph.
pub const UNIT_ID: &str = "PREDICTIVE_UNIT_ID";
/// Container image of this unit.
pub const UNIT_IMAGE: &str = "PREDICTIVE_UNIT_IMAGE";
/// Name of the predictor that this unit belongs to.
pub const PREDICTOR_ID: &str = "PREDICTOR_ID";
/// Labels of the predictor, a JSON object.
pub const PREDICTOR_LABELS: &str = "PREDICTOR_LABELS";
/// Name of the deployment.
pub const DEPLOYMENT_ID: &str = "SELDON_DEPLOYMENT_ID";
/// Set by the operator where an orchestrator forwards the requests.
pub const EXECUTOR_ENABLED: &str = "SELDON_EXECUTOR_ENABLED";
/// YAML laid over the component's own metadata.
pub const MODEL_METADATA: &str = "MODEL_METADATA";

/// Host of the Jaeger agent.
pub const JAEGER_AGENT_HOST: &str = "JAEGER_AGENT_HOST";
/// UDP port of the Jaeger agent.
pub const JAEGER_AGENT_PORT: &str = "JAEGER_AGENT_PORT";
/// Jaeger configuration file.
pub const JAEGER_CONFIG_PATH: &str = "JAEGER_CONFIG_PATH";
/// Tags added to every span.
pub const JAEGER_EXTRA_TAGS: &str = "JAEGER_EXTRA_TAGS";
/// Headers that carry the trace context.
pub const JAEGER_PROPAGATION: &str = "JAEGER_TRACE_PROPAGATION_TYPE";

/// Start of the names of OpenTelemetry's standard variables.
pub const OTEL_PREFIX: &str = "OTEL_";
/// OpenTelemetry's switch, which wins over [`TRACING`].
pub const OTEL_SDK_DISABLED: &str = "OTEL_SDK_DISABLED";
/// Which exporter sends the spans.
pub const OTEL_TRACES_EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// Host of the Jaeger agent, by OpenTelemetry's name.
pub const OTEL_EXPORTER_JAEGER_AGENT_HOST: &str = "OTEL_EXPORTER_JAEGER_AGENT_HOST";
/// UDP port of the Jaeger agent, by OpenTelemetry's name.
pub const OTEL_EXPORTER_JAEGER_AGENT_PORT: &str = "OTEL_EXPORTER_JAEGER_AGENT_PORT";
/// URL of the collector for traces.
pub const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// URL of the collector for everything.
pub const OTEL_EXPORTER_OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// How OTLP is spoken, for traces.
pub const OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
/// How OTLP is spoken.
pub const OTEL_EXPORTER_OTLP_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
/// Headers of every export of traces.
pub const OTEL_EXPORTER_OTLP_TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
/// Headers of every export.
pub const OTEL_EXPORTER_OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// What all tries of one export of traces may take.
pub const OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
/// What all tries of one export may take.
pub const OTEL_EXPORTER_OTLP_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
/// How exports of traces are packed.
pub const OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: &str = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION";
/// How exports are packed.
pub const OTEL_EXPORTER_OTLP_COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
/// What the server is called in traces.
pub const OTEL_SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// What else is said of the server in traces.
pub const OTEL_RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// Which requests are traced.
pub const OTEL_TRACES_SAMPLER: &str = "OTEL_TRACES_SAMPLER";
/// The part of them.
pub const OTEL_TRACES_SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
/// Which headers bring a caller's trace.
pub const OTEL_PROPAGATORS: &str = "OTEL_PROPAGATORS";
/// The longest that a span waits for others.
pub const OTEL_BSP_SCHEDULE_DELAY: &str = "OTEL_BSP_SCHEDULE_DELAY";
/// Spans that may wait.
pub const OTEL_BSP_MAX_QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
/// Spans of one export.
pub const OTEL_BSP_MAX_EXPORT_BATCH_SIZE: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
/// What one export may take.
pub const OTEL_BSP_EXPORT_TIMEOUT: &str = "OTEL_BSP_EXPORT_TIMEOUT";

/// Root of the active virtual environment; its interpreter is the default one.
pub const VIRTUAL_ENV: &str = "VIRTUAL_ENV";
