"""requests, with a session that keeps its connection, and without one."""

from __future__ import annotations

import json

import requests
from calls import CALLS, FILE, FILE_RESPONSE, LARGE_RESPONSE, REST, check, large


def main() -> None:
    with requests.Session() as session:
        for path, message, response in CALLS:
            check(path, session.post(REST + path, json=message).json(), response)
        form = {"json": json.dumps(CALLS[0][1])}
        check("form", session.post(f"{REST}/predict", data=form).json(), CALLS[0][2])
        check("query", session.get(f"{REST}/predict", params=form).json(), CALLS[0][2])
        files = {"binData": ("a file", FILE, "application/octet-stream")}
        response = session.post(f"{REST}/predict", files=files)
        check("file", response.json(), FILE_RESPONSE)
        fields = {"strData": (None, "a text")}
        response = session.post(f"{REST}/predict", files=fields)
        check("field", response.json(), {"strData": "a text"})
        headers = {"content-type": "application/json"}
        response = session.post(f"{REST}/predict", data=large(), headers=headers)
        check("chunks", response.json(), LARGE_RESPONSE)
        response = session.post(f"{REST}/predict", json={"strData": "raise"})
        check("raises", response.status_code, 500)
        check("reason", response.json()["status"]["reason"], "MICROSERVICE_INTERNAL_ERROR")
        check("text", session.post(f"{REST}/predict", data="a text").status_code, 400)
        check("no route", session.get(f"{REST}/nowhere").status_code, 404)
        response = session.head(f"{REST}/health/ping")
        check("head", (response.status_code, response.text), (200, ""))
        check("ping", session.get(f"{REST}/health/ping").text, "pong")
        repeat = {"jsonData": {"repeat": "many ", "times": 4000}}
        check(
            "much", session.post(f"{REST}/predict", json=repeat).json()["strData"], "many " * 4000
        )
    check("alone", requests.get(f"{REST}/metadata").status_code, 200)
    print("requests", requests.__version__)


main()
