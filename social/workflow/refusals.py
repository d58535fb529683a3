"""What is answered to somebody who asks for what cannot be done. Nothing was changed."""

from collections.abc import Sequence

from social.networks import Problem


class Refusal(Exception):
    """The request was understood and is refused; `str()` says why, in words for a person."""


class NotAllowed(Refusal):
    """This actor may not do it (somebody else may)."""


class WrongState(Refusal):
    """The post is not in a state in which this can be done, or is no longer what the person saw."""

    def __init__(self, message: str, status: str = "") -> None:
        super().__init__(message)
        self.status = status


class InvalidContent(Refusal):
    """The content breaks a rule; `problems` name the fields."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)
