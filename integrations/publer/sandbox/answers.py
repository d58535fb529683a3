"""How a call is refused."""

from integrations.serving import Answer


class Refused(Exception):
    """The call is answered with this status and these words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = errors(status, message)


def errors(status: int, message: str) -> Answer:
    """Publer's error body; a 429 alone has another shape."""
    return Answer(status, {"error": message} if status == 429 else {"errors": [message]})
