"""Who acts: a person, a program by its token, or HotDash itself."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from social.models import ApiToken


@dataclass(frozen=True)
class Actor:
    """A person (`token` is None), a program that acts for a person, or HotDash itself (no user at all)."""

    user: User | None = None
    token: ApiToken | None = None

    @property
    def is_person(self) -> bool:
        return self.user is not None and self.token is None

    @property
    def name(self) -> str:
        """As the audit trail names it."""
        if self.token is not None:
            return self.token.name
        if self.user is not None:
            return self.user.get_full_name() or self.user.get_username()
        return "HotDash"

    @property
    def person(self) -> User:
        """The user behind it. HotDash itself has none: asking is a fault."""
        if self.user is None:
            raise ValueError("HotDash itself acts for nobody")
        return self.user


SYSTEM = Actor()
