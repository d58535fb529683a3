"""Celery's tasks. They carry no work: each says "look now", and may be lost or delivered twice."""

from celery import shared_task


@shared_task(name="social.tasks.dispatch")
def dispatch() -> None:
    """Send what is due."""
    from social.publishing import outbox

    outbox.send_what_is_due()


@shared_task(name="social.tasks.poll")
def poll() -> None:
    """Establish what became of what was sent."""
    from social.publishing import polling

    polling.follow_up()


@shared_task(name="social.tasks.sync_channels")
def sync_channels() -> None:
    """Read the connected accounts."""
    from social.publishing import connect

    connect.sync_or_tell()


@shared_task(name="social.tasks.forget_answers")
def forget_answers() -> None:
    """Forget the answers to old calls with an `Idempotency-Key`."""
    from social import clock
    from social.models import IdempotentCall

    IdempotentCall.forget_old(clock.now())


@shared_task(name="social.tasks.read_shop")
def read_shop() -> None:
    """Read the shop's figures."""
    from social.publishing import figures

    figures.refresh("shopify")


@shared_task(name="social.tasks.read_inbox")
def read_inbox() -> None:
    """Read the support inbox's figures."""
    from social.publishing import figures

    figures.refresh("chatwoot")


@shared_task(name="social.tasks.watch")
def watch() -> None:
    """Notice what has fallen silent."""
    from social.publishing import watch

    watch.keep()
