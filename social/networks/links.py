"""What a post's link may be, wherever it comes from."""

from urllib.parse import urlsplit

WITH_A_LOGIN = (
    "This link has a login in it (the part before the @): everybody could read it. Take that part out."
)


def link_problem(link: str) -> str:
    """Why this address, valid as such, may not be shown to the public; "" where it may."""
    return WITH_A_LOGIN if "@" in urlsplit(link).netloc else ""
