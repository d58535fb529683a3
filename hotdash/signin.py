"""The sign-in form, in words."""

from unfold.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Django's own; it says no more about a wrong name than about a wrong password."""

    error_messages = {
        "invalid_login": (
            "Username and password do not belong together, or this person was deactivated. "
            "Mind capital letters; an operator can set a new password."
        ),
        "inactive": "This person was deactivated. An operator can reactivate them.",
    }
