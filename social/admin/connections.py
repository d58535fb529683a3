"""The integrations page: each provider's connection in words, what people do with it, and the accounts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from integrations.connections import Connection
from integrations.errors import ProviderError
from integrations.ratelimit import Priority
from social import clock, workflow
from social.admin import connecting, pausing
from social.admin.asking import ask
from social.admin.cards import Card, cards
from social.admin.channels import rows
from social.admin.connecting import MANAGE, back, may_manage
from social.admin.situation import situation_of
from social.explain import moment, publer_is_set_up
from social.models import Channel
from social.publishing import access, connect, outbox, providers
from social.workflow.pausing import PERMISSION

READ = "social.pause_publishing"
"""Who may stop and start publishing may also have the accounts read again."""
PUBLER = str(Connection.Provider.PUBLER)


@admin.register(Connection)
class ConnectionAdmin(ModelAdmin):
    """One page for all; no form shows or changes a connection's fields."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        named: list[tuple[str, str, Callable[..., Any]]] = [
            ("", "changelist", view(self.changelist_view)),
            ("read-again/", "read_again", view(self.read_again)),
            ("try-now/", "try_now", view(self.try_now)),
            ("test/", "test_all", view(self.test_all)),
            ("publer/connect/", "connect", view(connecting.start)),
            # Not in `admin_view`: that would send a person to sign in with the code in the way back.
            ("publer/callback/", "callback", connecting.callback),
            ("publer/choose/", "choose", view(connecting.choose)),
            ("publer/key/", "key", view(connecting.key)),
            ("publer/renew/", "renew", view(self.renew)),
            ("publer/disconnect/", "disconnect", view(self.disconnect)),
            ("channel/<int:pk>/pause/", "pause_channel", view(self.pause_channel)),
            ("channel/<int:pk>/resume/", "resume_channel", view(self.resume_channel)),
            ("<slug:provider>/test/", "test", view(self.test)),
            ("<slug:provider>/pause/", "pause", view(self.pause)),
            ("<slug:provider>/resume/", "resume", view(self.resume)),
        ]
        return [path(where, call, name=f"integrations_connection_{name}") for where, name, call in named]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied("The integrations page is for an operator.")
        frame = self.admin_site.each_context(request)  # reads the situation, too
        situation = situation_of(request)
        # The row in trouble may be a stand-in until the workspace is known, so it is looked up as it is.
        connection = situation.connection if publer_is_set_up(situation.connection) else None
        own = None if settings.PUBLER_API_KEY else getattr(connection, "credential", None)
        channels = rows(connection, own, situation.now) if connection else []
        others = Connection.objects.filter(provider=PUBLER).exclude(workspace="")
        shown = cards(situation)
        context = {
            **frame,
            "title": "Integrations",
            "subtitle": _subtitle(shown),
            "is_fullwidth": "1",
            "cards": shown,
            "testable": any(card.set_up for card in shown),
            "connection": connection,
            "channels": channels,
            "active": sum(row.channel.active for row in channels),
            "at_publer": _at_publer(connection),
            "others": list((others.exclude(pk=connection.pk) if connection else others)[:10]),
            "may_read": request.user.has_perm(READ),
            "may_manage": request.user.has_perm(MANAGE),
            "may_pause": request.user.has_perm(PERMISSION),
            **(extra_context or {}),
        }
        return render(request, "admin/integrations/connection/page.html", context)

    @method_decorator(require_POST)
    def read_again(self, request: HttpRequest) -> HttpResponse:
        """Read workspace and accounts from Publer now; a failure is told on the page, never raised."""
        _may_read(request)
        read = connect.sync_or_tell(Priority.PERSON)
        connection = connect.of_the_moment()
        if not access.is_set_up():
            messages.error(
                request, "Publer is not connected: an operator connects it, here or by PUBLER_API_KEY."
            )
        elif read is None:
            words = (
                connection.trouble_words
                if connection and connection.trouble_words
                else "Publer's limit: try again."
            )
            messages.error(request, f"The accounts were not read. {words}")
        else:
            count = Channel.objects.filter(connection=connection, active=True).count() if connection else read
            messages.success(request, f"Read again: {count} account{'' if count == 1 else 's'}.")
        return back()

    @method_decorator(require_POST)
    def try_now(self, request: HttpRequest) -> HttpResponse:
        """Do not wait any longer before the next try."""
        _may_read(request)
        now = clock.now()
        freed = Connection.objects.filter(connected=True, not_before__gt=now).update(not_before=None)
        if freed:
            connect.end_own_pause()
            messages.success(request, "Tried again within seconds. Nothing else was changed.")
        else:
            messages.info(request, f"Nothing was waiting at {moment(now)}.")
        return back()

    @method_decorator(require_POST)
    def test(self, request: HttpRequest, provider: str) -> HttpResponse:
        """Ask the provider now whether it lets us in."""
        may_manage(request)
        messages.add_message(request, *_tested(provider))
        return back()

    @method_decorator(require_POST)
    def test_all(self, request: HttpRequest) -> HttpResponse:
        may_manage(request)
        for provider in Connection.Provider.values:
            if _is_set_up(provider):
                messages.add_message(request, *_tested(provider))
        return back()

    @method_decorator(require_POST)
    def renew(self, request: HttpRequest) -> HttpResponse:
        """Renew the permission now, ahead of its time."""
        may_manage(request)
        try:
            credential = connect.renew()
        except ProviderError as error:
            connect.tell_of(error)
            messages.error(request, f"Not renewed. {error.message}")
            return back()
        if credential is None:
            messages.info(request, "Nothing here can be renewed: replace the key instead.")
        elif credential.expires_at:
            messages.success(request, f"Renewed: holds until {moment(credential.expires_at)}.")
        else:
            messages.success(request, "Renewed.")
        return back()

    def disconnect(self, request: HttpRequest) -> HttpResponse:
        """Asked first; does nothing by GET."""
        may_manage(request)
        if request.method == "POST":
            had, told = connect.disconnect()
            words = " and the permission is taken back there" if told else ""
            if had:
                messages.success(
                    request, f"Publer is disconnected{words}. Nothing is lost: what is approved waits."
                )
            else:
                messages.info(request, "Nothing is kept here that could be disconnected.")
            return back()
        return ask(
            request,
            admin.site,
            title="Disconnect Publer",
            question="Disconnect Publer?",
            lines=(
                "What is kept here to come in with is forgotten, and taken back at Publer where it can be.",
                "Accounts, posts and history stay. What is approved waits until the same workspace is "
                "connected again; what Publer already has for later goes out there.",
            ),
            button="Disconnect",
            back=reverse("admin:integrations_connection_changelist"),
            back_words="Integrations",
            dangerous=True,
        )

    def pause(self, request: HttpRequest, provider: str) -> HttpResponse:
        """Ask why and until when, then hold every call to one provider. Does nothing by GET."""
        may_manage(request)
        person = pausing.may_pause(request)
        if not _is_set_up(provider):
            raise Http404("This provider is not connected.")
        name = Connection.Provider(provider).label
        one, connection = providers.other(provider), connect.of_the_moment()

        def do(reason: str, until: datetime | None) -> None:
            if one is not None:
                providers.pause(one, person, reason, until)
            elif connection is not None:
                connect.pause(connection, person, reason, until)

        return pausing.ask_to_pause(
            request,
            do,
            title=f"Pause {name}",
            question=f"Pause every call to {name}?",
            lines=(
                f"HotDash asks and sends {name} nothing more, tests included, until somebody resumes it.",
                "People go on writing and approving; nothing is lost.",
            ),
            back=reverse("admin:integrations_connection_changelist"),
            back_words="Integrations",
            done=f"Calls to {name} are paused. Nothing is lost.",
        )

    @method_decorator(require_POST)
    def resume(self, request: HttpRequest, provider: str) -> HttpResponse:
        may_manage(request)
        person = pausing.may_pause(request)
        if not _is_set_up(provider):
            raise Http404("This provider is not connected.")
        one, connection = providers.other(provider), connect.of_the_moment()

        def do() -> None:
            if one is not None:
                providers.resume(one, person)
            elif connection is not None:
                connect.resume(connection, person)
                outbox.nudge()

        what = connection if one is None else None
        done = f"Calls to {Connection.Provider(provider).label} go on."
        here = reverse("admin:integrations_connection_changelist")
        return pausing.resumed(request, what, do, back=here, done=done, elapses=one is None)

    def pause_channel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why and until when, then hold what is not yet on its way there. Does nothing by GET."""
        person, channel = pausing.may_pause(request), _channel(pk)
        return pausing.ask_to_pause(
            request,
            lambda reason, until: workflow.pause(person, reason, what=channel, until=until),
            title=f"Pause {channel.network_name}",
            question=f"Pause {channel}?",
            lines=(
                "Nothing more is handed to Publer for this channel. The others go on; nothing is lost.",
                "What Publer already has for later goes out there at its time: recall it, if it must not.",
            ),
            back=_from_where(request),
            back_words="Back",
            done=f"{channel} is paused. Nothing is lost.",
        )

    @method_decorator(require_POST)
    def resume_channel(self, request: HttpRequest, pk: int) -> HttpResponse:
        person, channel = pausing.may_pause(request), _channel(pk)
        return pausing.resumed(
            request,
            channel,
            lambda: workflow.resume(person, what=channel),
            back=_from_where(request),
            done=f"{channel} goes on.",
        )


def _from_where(request: HttpRequest) -> str:
    """The page of the channels; home for who may pause one and not see that."""
    sees = request.user.has_perm("integrations.view_connection")
    return reverse("admin:integrations_connection_changelist" if sees else "admin:index")


def _channel(pk: int) -> Channel:
    channel = Channel.objects.filter(pk=pk).first()
    if channel is None:
        raise Http404("There is no such channel.")
    return channel


def _is_set_up(provider: str) -> bool:
    one = providers.other(provider)
    return access.is_set_up() if provider == PUBLER else one is not None and one.is_set_up()


def _tested(provider: str) -> tuple[int, str]:
    """What a test brought, in words."""
    one = providers.other(provider)
    if not _is_set_up(provider):
        raise Http404("This provider is not connected.")
    name = Connection.Provider(provider).label
    try:
        if one is not None:
            took, words = providers.test(one)
        else:
            took, count = connect.test()
            words = f"{count} account{'' if count == 1 else 's'}"
    except ProviderError as error:
        return messages.ERROR, f"{name} does not let us in now. {error.message}"
    return messages.SUCCESS, f"{name} answered in {took} ms: {words}."


def _at_publer(connection: Connection | None) -> str:
    """Where accounts are connected anew; a sandbox has no such page."""
    if connection is None or connection.is_sandbox:
        return ""
    return urlunsplit((*urlsplit(connection.base_url)[:2], "/", "", ""))


def _subtitle(shown: list[Card]) -> str:
    set_up = [card for card in shown if card.set_up]
    if not any(card.provider == PUBLER for card in set_up):
        return "not connected yet"
    need = sum(card.pill in ("failed", "pending", "paused") for card in set_up)
    fine = f"{len(set_up) - need} fine, " if len(set_up) > need else ""
    return f"{fine}{need} need{'s' if need == 1 else ''} you" if need else "all fine"


def _may_read(request: HttpRequest) -> None:
    if isinstance(request.user, AnonymousUser) or not request.user.has_perm(READ):
        raise PermissionDenied("Reading the accounts again is for an approver or an operator.")
