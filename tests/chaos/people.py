"""A person at a browser's network side: signs in and presses buttons of the admin, without a browser."""

import html
import re
from typing import Any, Self

import requests

from tests.stack import Stack


class Person:
    """Signed in at the admin of a running stack, as a new member of its staff."""

    def __init__(self, stack: Stack, name: str, *groups: str) -> None:
        self._sign_in(stack.url, name, stack.staff(name, *groups))

    @classmethod
    def at(cls, url: str, name: str, password: str) -> Self:
        """Somebody who is on the staff of whatever runs at this address."""
        person = cls.__new__(cls)
        person._sign_in(url, name, password)
        return person

    def _sign_in(self, url: str, name: str, password: str) -> None:
        self.url = url
        self._session = requests.Session()
        page = self._session.get(f"{self.url}/admin/login/", timeout=10).text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found is not None
        self._session.post(
            f"{self.url}/admin/login/",
            {"username": name, "password": password, "csrfmiddlewaretoken": found.group(1)},
            timeout=10,
        )

    def acts(self, action: str, *posts: int) -> str:
        """Run a bulk action; return the words of the page that follows."""
        answer = self._session.post(
            f"{self.url}/admin/social/post/",
            {
                "action": action,
                "_selected_action": [str(post) for post in posts],
                "csrfmiddlewaretoken": self._session.cookies["csrftoken"],
            },
            timeout=20,
        )
        assert answer.status_code == 200, answer.status_code
        return words(answer.text)

    def presses(self, path: str) -> str:
        """Press a button; return the words of the page that follows."""
        form = {"csrfmiddlewaretoken": self._session.cookies["csrftoken"]}
        answer = self._session.post(f"{self.url}{path}", form, timeout=20)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return words(answer.text)

    def asks(self, path: str, patience: float = 20) -> Any:
        """What the API answers."""
        answer = self._session.get(f"{self.url}/api/v1/{path}", timeout=patience)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.json()

    def reads(self, path: str, patience: float = 20) -> str:
        """The words of a page."""
        return words(self.gets(path, patience))

    def gets(self, path: str, patience: float = 20) -> str:
        """A page as it came."""
        answer = self._session.get(f"{self.url}{path}", timeout=patience)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def posts(self, path: str, **form: str) -> requests.Response:
        """Fill in and send a form; what comes after it."""
        form["csrfmiddlewaretoken"] = self._session.cookies["csrftoken"]
        return self._session.post(f"{self.url}{path}", form, timeout=30)


def words(page: str) -> str:
    """What a page says: its text without the markup."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
