"""Following up: recalls, looks, and the jobs that two looks did not explain."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from integrations.connections import Connection
from integrations.errors import BadAnswer, Held, ProviderError, Refused
from integrations.publer.client import PublerClient
from integrations.publer.types import Failure, Job
from integrations.retry import Retry
from social import clock
from social.models import Delivery, Submission, Upload
from social.networks.failures import MEDIA_GONE, Kind, meaning
from social.publishing import connect, outbox, recalling, reconciliation, submission
from social.workflow import deliveries as steps

log = structlog.get_logger("hotdash.publishing")
D = Delivery.Status

LOOKS_BEFORE_A_POLL = 2


def follow_up() -> None:
    """Establish what became of what is under way. Does nothing where nothing is due."""
    submission.expire_leases()
    connection = connect.current()
    if connection is None:
        return
    now = clock.now()
    if (connection.not_before and connection.not_before > now) or not _due(connection, now):
        return
    if not _begin_reading(connection, now):
        return
    moved = 0
    try:
        publer = connect.client(connection.workspace)
        moved += recalling.ask(connection, publer)
        moved += reconciliation.look_around(connection, publer)
        moved += poll_jobs(connection, publer)
        connect.became_well(connection)
    except Held as held:
        log.info("held", reason=held.reason, seconds=round(held.seconds, 1))
    except ProviderError as error:
        log.warning("no look", error=error.message)
        connect.in_trouble(connection, error)
    finally:
        Connection.objects.filter(pk=connection.pk).update(looking_until=None)
    if moved:
        outbox.nudge()


def _due(connection: Connection, now: datetime) -> bool:
    return Delivery.objects.filter(
        status__in=[D.ACCEPTED, D.UNCONFIRMED, D.SCHEDULED], next_look_at__lte=now, connection=connection
    ).exists()


def _begin_reading(connection: Connection, now: datetime) -> bool:
    """One process reads at a time: it costs calls, and serves all. A dead one's turn ends with a lease."""
    free = Connection.objects.filter(Q(looking_until=None) | Q(looking_until__lt=now), pk=connection.pk)
    return free.update(looking_until=now + timedelta(seconds=settings.PUBLISH_LEASE_SECONDS)) == 1


def poll_jobs(connection: Connection, publer: PublerClient) -> int:
    """Ask for the jobs whose deliveries were not found by two looks. Returns how many deliveries moved."""
    open_jobs = (
        Submission.objects.filter(
            connection=connection,
            state=Submission.State.TAKEN,
            latest_of__status__in=[D.ACCEPTED, D.UNCONFIRMED],
            latest_of__looks__gte=LOOKS_BEFORE_A_POLL,
        )
        .exclude(job_id="")
        .distinct()
        .order_by(F("polled_at").asc(nulls_first=True), "pk")
    )
    moved = 0
    for job in open_jobs:
        now = clock.now()
        pause = min(settings.POLL_INTERVAL_SECONDS * 2 ** min(job.polls, 10), reconciliation.LONGEST_PAUSE)
        if job.completed_at or (job.polled_at and now < job.polled_at + timedelta(seconds=pause)):
            continue
        moved += poll_job(job, publer)
    return moved


def poll_job(job: Submission, publer: PublerClient) -> int:
    """Ask for one job and keep what it says. Raises the client's errors where no answer came."""
    told, otherwise = None, "not found"
    try:
        told = publer.job_status(job.job_id)
    except Refused as error:
        if error.kind not in ("setup", "permanent"):
            raise
    except BadAnswer as error:
        log.warning("job unreadable", job=job.job_id, error=error.message)
        otherwise = "unreadable"
        if not _beyond_w(job, now := clock.now()):
            Submission.objects.filter(pk=job.pk).update(polled_at=now, polls=job.polls + 1)
            return 0
    now = clock.now()
    job.polled_at, job.polls = now, job.polls + 1
    job.job_state = told.state if told else otherwise
    job.job_failures = [failure.model_dump() for failure in told.failures] if told else []
    if told and told.state == "complete":
        job.completed_at = job.completed_at or now
    with (
        transaction.atomic()
    ):  # a complete job is not asked for again: what it told is kept with what follows
        job.save(update_fields=["polled_at", "polls", "job_state", "job_failures", "completed_at"])
        return _conclude(job, told, now)


def _beyond_w(job: Submission, now: datetime) -> bool:
    return now > job.stamped_at + timedelta(seconds=settings.RESEND_AFTER_SECONDS)


def _conclude(job: Submission, told: Job | None, now: datetime) -> int:
    moved = 0
    under_way = job.latest_of.filter(
        status__in=[D.ACCEPTED, D.UNCONFIRMED], items__submission=job, items__open=True
    )
    rows = list(under_way.select_related("channel", "post").order_by("post_id", "pk"))
    stuck = told is not None and told.state == "working" and _beyond_w(job, now)
    for row in rows:
        failure = _failure_of(row, told)
        if failure is not None:
            moved += _failed(row, job, failure, now)
        elif told is None or told.state == "failed" or stuck:
            moved += steps.move(
                row,
                "job unclear",
                submission=job,
                note="Publer's job says: " + (job.job_state or "nothing"),
                quiet_from=now,
                was_unknown=True,
                looks=0,
                next_look_at=now + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS),
            )
    return moved


def _failure_of(row: Delivery, told: Job | None) -> Failure | None:
    """The failure that names this delivery's account: in one request an account stands once."""
    if told is None or told.state == "working":
        return None
    return next((failure for failure in told.failures if failure.account_id == row.channel.account_id), None)


def _wait(kind: Kind) -> float:
    """Seconds until it is tried again after having been told to wait: by itself, and not all at once."""
    gap = settings.PUBLISH_GAP_SECONDS or 60
    again = (
        Retry(None, least=gap, base=gap / 6)
        if kind == "gap"
        else Retry(None, least=3600, base=300, longest=300)
    )
    return again.wait_after(1) or 0


def _failed(row: Delivery, job: Submission, failure: Failure, now: datetime) -> bool:
    network, said = row.channel.network_name, failure.message
    known = meaning(row.channel.network, said)
    if known is not None and row.was_unknown and known.kind != "final":
        # Our own earlier attempt may be the post in the way: look, do not send.
        return steps.move(
            row,
            "told to wait, unsure",
            submission=job,
            note=said,
            quiet_from=now,
            looks=0,
            next_look_at=now + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS),
        )
    if known is not None and known.kind in ("gap", "daily"):
        again = now + timedelta(seconds=_wait(known.kind))
        told = steps.move(
            row,
            "told to wait",
            submission=job,
            note=said,
            attempts=F("attempts") - 1,  # refused, surely: it uses none up
            not_before=again,
            hold=known.told(network).rstrip("."),
            provider_words=said,
        )
        if told:
            steps.hold_account(row, again, known.told(network).rstrip("."))
        return told
    if known is MEDIA_GONE:
        Upload.objects.filter(
            connection=row.connection_id, media__in=row.revision.media.values("pk")
        ).delete()
    return steps.move(
        row,
        "failed there",
        submission=job,
        note=said,
        problem=known.told(network)
        if known
        else f"{network} did not take it: “{said}”. Nothing was posted, so trying again is safe.",
        provider_words=said,
        retry_helps=known is None or known.retry_helps,
        next_look_at=None,
        decide=False,
    )
