"""What the deployment says of itself in the environment."""

from __future__ import annotations

import json
import os
from typing import Any

ENV_MODEL_NAME = "PREDICTIVE_UNIT_ID"
ENV_MODEL_IMAGE = "PREDICTIVE_UNIT_IMAGE"
ENV_SELDON_DEPLOYMENT_NAME = "SELDON_DEPLOYMENT_ID"
ENV_PREDICTOR_NAME = "PREDICTOR_ID"
ENV_PREDICTOR_LABELS = "PREDICTOR_LABELS"

NONIMPLEMENTED_MSG = "NOT_IMPLEMENTED"
NONIMPLEMENTED_IMAGE_MSG = f"{NONIMPLEMENTED_MSG}:{NONIMPLEMENTED_MSG}"


def get_model_name(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """The name of this unit in its graph."""
    return os.environ.get(ENV_MODEL_NAME, default_val)


def get_image_name(default_val: str = NONIMPLEMENTED_IMAGE_MSG) -> str:
    """The image of this unit, with its tag."""
    return os.environ.get(ENV_MODEL_IMAGE, default_val)


def get_deployment_name(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """The name of the deployment."""
    return os.environ.get(ENV_SELDON_DEPLOYMENT_NAME, default_val)


def get_predictor_name(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """The name of the predictor."""
    return os.environ.get(ENV_PREDICTOR_NAME, default_val)


def get_predictor_version(default_val: str = NONIMPLEMENTED_MSG) -> str:
    """The label `version` of the predictor, whose labels are JSON."""
    labels: dict[str, Any] = json.loads(os.environ.get(ENV_PREDICTOR_LABELS, "{}"))
    version: str = labels.get("version", default_val)
    return version
