"""Reads the request's head and body by Flask, imported where it is needed."""

from typing import Any


class FlaskRequest:
    def predict(self, X: Any, names: Any) -> Any:
        from flask import request

        return {
            "tenant": request.headers.get("X-Tenant"),
            "twice": request.headers.getlist("X-Twice"),
            "method": request.method,
            "path": request.path,
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(),
            "json": request.get_json(silent=True),
            "type": request.content_type,
        }

    transform_input = transform_output = predict

    def aggregate(self, X: Any, names: Any) -> Any:
        return self.predict(None, None)

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        from flask import request

        return [[len(request.get_data())]]

    def health_status(self) -> Any:
        return self.predict(None, None)
