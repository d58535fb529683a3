"""Pause and resume: everything, one connection, or one channel. The only code that writes a pause."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from integrations.connections import Connection
from integrations.pausing import Pausable
from social import clock
from social.models import Channel, Engine, Post, Switch
from social.moments import moment
from social.signals import work_to_do
from social.workflow.refusals import NotAllowed, Refusal, WrongState

PERMISSION = "social.pause_publishing"
What = Connection | Channel


def pause(user: User, reason: str, *, what: What | None = None, until: datetime | None = None) -> Pausable:
    """Hold what is not yet stamped: everything, or what goes through one connection or channel.

    With `until`, it goes on by itself at that moment. When this returns and its transaction is committed,
    nothing of it is stamped any more. Raises `WrongState` where somebody else was first.
    """
    _allowed(user)
    reason = reason.strip()
    if not reason:
        raise Refusal("Say why: others will wonder.")
    with transaction.atomic():
        row, now = _locked(what), clock.now()
        if row.is_paused(now):
            raise WrongState(f"{_first(row)} paused it at {_at(row)} (“{row.pause_reason}”): it stays so.")
        if until is not None and until <= now:
            raise Refusal("This moment has passed: choose a later one, or leave it empty.")
        row.paused_at, row.paused_until, row.paused_by, row.pause_reason = now, until, user, reason[:300]
        _save(row, what, user, now)
    return row


def resume(user: User, *, what: What | None = None) -> Pausable:
    """Let it go on. What elapsed meanwhile by more than `LATE_AFTER_SECONDS` waits for a person.

    Raises `WrongState` where it was not held, or somebody else was first.
    """
    _allowed(user)
    with transaction.atomic():
        row, now = _locked(what), clock.now()
        if not row.is_paused(now):
            raise WrongState(_who_resumed(what) or "It is not paused: it goes on already.")
        row.paused_at = row.paused_until = row.paused_by = None
        row.pause_reason = ""
        _save(row, what, user, now)
        work_to_do.send(Post)
    return row


def _allowed(user: User) -> None:
    if not user.has_perm(PERMISSION):
        raise NotAllowed("Pausing is for an approver or an operator.")


def _locked(what: What | None) -> Pausable:
    """The row, held, behind the engine's: a stamp either saw the pause or was committed before it."""
    engine = Engine.objects.select_for_update().get(pk=1)
    if what is None:
        return engine
    return type(what)._default_manager.select_for_update(no_key=True).get(pk=what.pk)


def _save(row: Pausable, what: What | None, user: User, now: datetime) -> None:
    row.save(update_fields=["paused_at", "paused_until", "paused_by", "pause_reason"])
    Switch.objects.create(
        connection=what if isinstance(what, Connection) else None,
        channel=what if isinstance(what, Channel) else None,
        paused=row.paused_at is not None,
        until=row.paused_until,
        reason=row.pause_reason,
        by=user,
        at=now,
    )


def _first(row: Pausable) -> str:
    by = row.paused_by
    return (by.get_full_name() or by.get_username()) if by else "Somebody"


def _at(row: Pausable) -> str:
    return moment(row.paused_at) if row.paused_at else ""


def _who_resumed(what: What | None) -> str:
    """The last switch of it, where that let it go on."""
    last = Switch.objects.filter(
        connection=what if isinstance(what, Connection) else None,
        channel=what if isinstance(what, Channel) else None,
    ).first()
    if last is None or last.paused:
        return ""
    return f"{last.by.get_full_name() or last.by.get_username()} resumed it at {moment(last.at)} already."
