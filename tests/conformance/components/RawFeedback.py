"""Raw feedback, whose response is the protobuf message that it arrives as."""

from typing import Any


class RawFeedback:
    """Gives back the request of the feedback."""

    def send_feedback_raw(self, feedback: Any) -> Any:
        return feedback.request
