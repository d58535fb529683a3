"""What of a post reaches Publer, network by network."""

import pytest

from social import clock
from social.models import Media, Submission
from social.publishing import connect
from tests.publishing import provider
from tests.publishing.conftest import Engineer, MakePost

LINK = "https://kilnandlinen.com/moss"


def picture(sha256: str, form: str = "image/jpeg") -> Media:
    return Media.objects.create(
        sha256=sha256 * 64,
        content=b"bytes",
        thumbnail=b"bytes",
        content_type=form,
        width=1080,
        height=1080,
        size=5,
    )


def sent() -> dict[str, dict[str, object]]:
    (post,) = Submission.objects.get().body["bulk"]["posts"]
    networks: dict[str, dict[str, object]] = post["networks"]
    return networks | {"accounts": post["accounts"]}


def test_each_network_gets_its_own_link_and_first_comment(engine: Engineer, approved: MakePost) -> None:
    approved(
        "Moss",
        "facebook",
        "twitter",
        link=LINK,
        overrides={
            "facebook": {"link": f"{LINK}?utm_source=facebook", "first_comment": "#moss"},
            "twitter": {"link": f"{LINK}?utm_source=x"},
        },
    )

    engine.dispatch()

    body = sent()
    assert body["facebook"]["link"] == {"url": f"{LINK}?utm_source=facebook"}
    assert body["twitter"]["link"] == {"url": f"{LINK}?utm_source=x"}
    assert [account.get("comments") for account in body["accounts"]] in (  # type: ignore[attr-defined]
        [[{"text": "#moss"}], None],
        [None, [{"text": "#moss"}]],
    )
    engine.run(20)
    assert {post.text for post in engine.provider.public} == {"Moss"}


@pytest.mark.parametrize(
    ("network", "forms", "kind", "each"),
    [
        ("instagram", ["image/jpeg", "image/png"], "carousel", "image"),
        ("twitter", ["image/jpeg", "image/png"], "photo", "image"),
        ("mastodon", ["image/gif"], "gif", "gif"),
    ],
)
def test_what_it_carries_is_sent_as_what_it_is(
    network: str,
    forms: list[str],
    kind: str,
    each: str,
    engine: Engineer,
    approved: MakePost,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provider, "NETWORKS", (network,))
    connect.sync_channels()
    media = [(picture(str(number), form), "Moss") for number, form in enumerate(forms)]
    approved("Moss", network, media=media, scheduled_at=clock.now())

    engine.dispatch()

    content = sent()[network]
    assert content["type"] == kind
    assert [item["type"] for item in content["media"]] == [each] * len(forms)  # type: ignore[attr-defined]
