"""The constants of seldon-core's command, and how it reads parameters and annotations.

The command itself is Streeling's server.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any, Callable

from ._lazy import getter
from .flask_utils import ANNOTATION_REST_TIMEOUT as ANNOTATION_REST_TIMEOUT
from .flask_utils import ANNOTATIONS_FILE, SeldonMicroserviceException
from .flask_utils import DEFAULT_ANNOTATION_REST_TIMEOUT as DEFAULT_ANNOTATION_REST_TIMEOUT
from .utils import getenv, getenv_as_bool
from .version import __version__ as __version__

logger = logging.getLogger(__name__)

PARAMETERS_ENV_NAME = "PREDICTIVE_UNIT_PARAMETERS"
HTTP_SERVICE_PORT_ENV_NAME = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT"
GRPC_SERVICE_PORT_ENV_NAME = "PREDICTIVE_UNIT_GRPC_SERVICE_PORT"
METRICS_SERVICE_PORT_ENV_NAME = "PREDICTIVE_UNIT_METRICS_SERVICE_PORT"
FILTER_METRICS_ACCESS_LOGS_ENV_NAME = "FILTER_METRICS_ACCESS_LOGS"
LOG_LEVEL_ENV = "SELDON_LOG_LEVEL"
DEBUG_ENV = "SELDON_DEBUG"
GUNICORN_ACCESS_LOG_ENV = "GUNICORN_ACCESS_LOG"
USE_MULTIPROCESS_ENV_NAME = "USE_MULTIPROCESS_PACKAGE"

DEFAULT_HTTP_PORT = 9000
DEFAULT_GRPC_PORT = 5000
DEFAULT_METRICS_PORT = 6000
DEFAULT_LOG_LEVEL = "INFO"

USE_MULTIPROCESS = getenv_as_bool(USE_MULTIPROCESS_ENV_NAME, default=False)

_TRUTH = {
    **dict.fromkeys(("y", "yes", "t", "true", "on", "1"), True),
    **dict.fromkeys(("n", "no", "f", "false", "off", "0"), False),
}


def _truth(value: str) -> bool:
    try:
        return _TRUTH[value.lower()]
    except KeyError:
        raise ValueError(
            f"a truth value must be one of {', '.join(_TRUTH)}, not {value!r}"
        ) from None


# By the `type` of a parameter.
_TYPES: dict[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "DOUBLE": float,
    "STRING": str,
    "BOOL": _truth,
}


def parse_parameters(parameters: Any) -> dict[str, Any]:
    """Keyword arguments of a component, of the list of its typed parameters."""
    found = {}
    for parameter in parameters:
        name, value, kind = (parameter.get(key) for key in ("name", "value", "type"))
        if kind not in _TYPES:
            raise SeldonMicroserviceException(
                f"the type of parameter {name} must be one of {', '.join(_TYPES)}, not {kind}",
                reason="MICROSERVICE_BAD_PARAMETER",
            )
        try:
            found[name] = _TYPES[kind](value)
        except ValueError as error:
            if kind == "BOOL":
                raise
            raise SeldonMicroserviceException(
                f"parameter {name} must be of type {kind}, not {value!r}",
                reason="MICROSERVICE_BAD_PARAMETER",
            ) from error
    return found


def load_annotations() -> dict[str, str]:
    """The annotations of the pod, from the file that Kubernetes mounts."""
    file = Path(ANNOTATIONS_FILE)
    annotations = {}
    if file.is_file():
        for line in file.read_text().splitlines():
            name, is_one, value = line.strip().partition("=")
            if is_one:
                # Kubernetes writes it in quotes.
                annotations[name.strip()] = value.strip()[1:-1]
    return annotations


def setup_logger(log_level: str, debug_mode: bool) -> logging.Logger:
    """The logger of this module; it and the root logger get the level."""
    name = getenv(LOG_LEVEL_ENV, default=log_level)
    level = logging.getLevelName(name.upper())
    if not isinstance(level, int):
        known = "CRITICAL, ERROR, WARNING, INFO, DEBUG and NOTSET"
        raise ValueError(f"the log level must be one of {known}, not {name!r}")
    logging.getLogger().setLevel(level)
    logger.setLevel(level)
    return logger


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    """The command line of seldon-core's command, and what of it is unknown."""

    def flag(text: str) -> bool:
        return text.lower() in ("1", "true")

    parser = argparse.ArgumentParser()
    add = parser.add_argument
    kinds = ["MODEL", "ROUTER", "TRANSFORMER", "COMBINER", "OUTLIER_DETECTOR"]
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    add("interface_name", help="the class of the component")
    add("--service-type", choices=kinds, default="MODEL")
    add("--persistence", nargs="?", default=0, const=1, type=int, help="without effect")
    add("--parameters", default=getenv(PARAMETERS_ENV_NAME, default="[]"))
    add("--log-level", choices=levels, default=DEFAULT_LOG_LEVEL)
    add("--debug", nargs="?", type=flag, default=getenv_as_bool(DEBUG_ENV), const=True)
    add("--tracing", nargs="?", type=int, default=int(getenv("TRACING", default="0")), const=1)
    for name, variable, default in (
        ("workers", "GUNICORN_WORKERS", 1),
        ("threads", "GUNICORN_THREADS", 1),
        ("max-requests", "GUNICORN_MAX_REQUESTS", 0),
        ("max-requests-jitter", "GUNICORN_MAX_REQUESTS_JITTER", 0),
        ("keepalive", "GUNICORN_KEEPALIVE", 2),
        ("single-threaded", "FLASK_SINGLE_THREADED", 0),
        ("http-port", HTTP_SERVICE_PORT_ENV_NAME, DEFAULT_HTTP_PORT),
        ("grpc-port", GRPC_SERVICE_PORT_ENV_NAME, DEFAULT_GRPC_PORT),
        ("metrics-port", METRICS_SERVICE_PORT_ENV_NAME, DEFAULT_METRICS_PORT),
    ):
        add(f"--{name}", type=int, default=int(getenv(variable, default=default)))
    add("--pidfile", default=None)
    access_log = getenv_as_bool(GUNICORN_ACCESS_LOG_ENV)
    add("--access-log", nargs="?", type=flag, default=access_log, const=True)
    add("--grpc-threads", type=int, default=int(getenv("GRPC_THREADS", default=1)))
    add("--grpc-workers", type=int, default=int(getenv("GRPC_WORKERS", default=1)))
    return parser.parse_known_args()


class MetricsEndpointFilter(logging.Filter):
    """Drops the lines of an access log that say that the metrics were read."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is kept."""
        return "GET /metrics" not in record.getMessage()


__getattr__ = getter(
    globals(),
    {
        "Any": "typing:Any",
        "Callable": "typing:Callable",
        "Dict": "typing:Dict",
        "json": "json",
        "os": "os",
        "sys": "sys",
        "List": "typing:List",
        "Tuple": "typing:Tuple",
        "SeldonMetrics": "seldon_core.metrics:SeldonMetrics",
        "setup_tracing": "seldon_core.utils:setup_tracing",
    },
    without=(
        "StandaloneApplication",
        "UserModelApplication",
        "main",
        "seldon_microservice",
        "start_servers",
    ),
)
