"""The client, its limiter and the stand-in server together, over real sockets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from integrations.errors import Held, Refused
from integrations.publer.client import PublerClient
from integrations.publer.content import BulkPost, Entry, MediaItem, envelope
from integrations.publer.sandbox.server import Sandbox, Settings
from integrations.publer.types import Job
from integrations.ratelimit import Limiter


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    running = Sandbox(
        Settings(data=tmp_path / "sandbox.sqlite3", api_key="the-key", workspace_id="w1", delay=0.0, limit=30)
    )
    running.start(working=False)
    yield running
    running.stop()


@pytest.fixture
def client(sandbox: Sandbox, limiter: Limiter) -> PublerClient:
    return PublerClient(f"{sandbox.url}/api/v1", "the-key", "w1", limiter, 2.0, 5.0)


def finished(sandbox: Sandbox, client: PublerClient, job_id: str) -> Job:
    assert client.job_status(job_id).state == "working"
    sandbox.publisher.work()
    return client.job_status(job_id)


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (400, 400), "white").save(out, "JPEG")
    return out.getvalue()


def test_posts_travel_from_upload_to_list(client: PublerClient, sandbox: Sandbox) -> None:
    assert [workspace.id for workspace in client.workspaces()] == ["w1"]
    assert client.sandbox_feed_url.startswith("http")
    accounts = {account.provider: account.id for account in client.accounts()}
    upload = client.upload_media(picture(), "mug.jpg", "image/jpeg")
    mug = MediaItem(upload.id, upload.path, "photo", "A mug")
    post = BulkPost(
        (
            Entry(accounts["facebook"], "facebook", "link", "See the mug", link="https://shop.example/mug"),
            Entry(accounts["instagram"], "instagram", "photo", "See the mug", media=(mug,)),
            Entry(accounts["twitter"], "twitter", "status", "x" * 400),
        )
    )
    job = finished(sandbox, client, client.publish(envelope([post]), client.leave()).job_id)
    assert [(failure.account_id, bool(failure.message)) for failure in job.failures] == [
        (accounts["twitter"], True)
    ]

    page = client.posts()
    listed = {entry.account_id: entry for entry in page.posts}
    assert page.total == 2
    assert listed[accounts["facebook"]].text.startswith("See the mug")
    assert listed[accounts["facebook"]].url == "https://shop.example/mug"
    assert listed[accounts["instagram"]].has_media


def test_a_post_for_later_is_listed_with_its_time_and_can_be_taken_back(
    client: PublerClient, sandbox: Sandbox
) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    account = next(account.id for account in client.accounts() if account.provider == "linkedin")
    post = BulkPost((Entry(account, "linkedin", "status", "Later", scheduled_at=moment),))
    finished(sandbox, client, client.schedule(envelope([post]), client.leave()).job_id)
    (listed,) = client.posts(0, moment.date(), moment.date() + timedelta(days=1), [account]).posts
    assert (listed.state, listed.scheduled_at) == ("scheduled", moment)
    assert client.delete_posts([listed.id]) == (listed.id,)
    assert client.posts().total == 0


def test_a_wrong_key_and_an_unknown_job_are_refusals(
    client: PublerClient, sandbox: Sandbox, limiter: Limiter
) -> None:
    with pytest.raises(Refused) as caught:
        PublerClient(f"{sandbox.url}/api/v1", "another-key", "w1", limiter, 2.0, 5.0).me()
    assert caught.value.kind == "auth"
    with pytest.raises(Refused) as caught:
        client.job_status("no-such-job")
    assert caught.value.kind == "setup"


def test_the_limit_is_reached_without_a_refused_call(client: PublerClient, sandbox: Sandbox) -> None:
    for _ in range(28):  # of the last three, kept for persons, one has begun to melt
        client.accounts()
    with pytest.raises(Held) as caught:
        client.accounts()
    assert caught.value.reason == "limit"
    assert caught.value.seconds > 1
    assert not sandbox.refused
