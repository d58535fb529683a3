"""Drafts out of a file, each bad row with its line; and the audit trail on its way out."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from social import importing, workflow
from social.models import Channel, Event, Post
from social.wall_clock import shop_zone
from social.workflow import Actor
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import words

pytestmark = pytest.mark.django_db


def run(file: Path, **options: Any) -> tuple[str, str, str]:
    """What the command wrote to stdout and stderr, and its refusal."""
    out, err, refusal = io.StringIO(), io.StringIO(), ""
    try:
        call_command("import_posts", str(file), stdout=out, stderr=err, **options)
    except CommandError as error:
        refusal = str(error)
    return out.getvalue(), err.getvalue(), refusal


def made(tmp_path: Path, text: str, name: str = "posts.csv") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", newline="")
    return file


# ------------------------------------------------------------------------------------------- import
def test_rows_of_a_csv_become_drafts_of_an_author(
    tmp_path: Path, ann: User, channels: dict[str, Channel]
) -> None:
    file = made(
        tmp_path,
        "title,text,channels,link,scheduled_at,text_twitter\n"
        'Moss,"Moss is back.\nFour plates.",acc-twitter Facebook,https://kiln.example/moss,2099-11-24T09:00,Short.\n'
        ",Just words,,,,\n",
    )

    out, err, refusal = run(file)

    assert (out, err, refusal) == ("2 drafts made for ann.\n", "", "")
    moss, words = Post.objects.order_by("pk")
    assert (moss.status, moss.source, moss.author, moss.title) == ("draft", "import", ann, "Moss")
    content = moss.content()
    assert content.text == "Moss is back.\nFour plates."
    assert {each.network for each in content.channels.all()} == {"twitter", "facebook"}
    assert content.overrides == {"twitter": {"text": "Short."}}
    assert content.scheduled_at == datetime(2099, 11, 24, 8, tzinfo=UTC)  # nine by the shop's clock
    assert words.content().scheduled_at is None


def test_each_bad_row_is_told_with_its_line_and_none_is_imported(
    tmp_path: Path, ann: User, channels: dict[str, Channel]
) -> None:
    file = made(
        tmp_path,
        "text,channels,link,scheduled_at,title\n"  # 1
        "Good,acc-twitter,,,\n"  # 2
        '"Two\nlines",nowhere,,,\n'  # 3 and 4
        ",,,,only a name\n"  # 5
        "\n"  # 6
        "Link,,ftp://kiln.example,,\n"  # 7
        "Login,,https://ann:pw@kiln.example,,\n"  # 8
        "When,,,soon,\n"  # 9
        "Then,,,2020-01-01T09:00,\n"  # 10
        "Night,,,2099-03-29T02:30,\n"  # 11
        f"Name,,,,{'x' * 201}\n"  # 12
        "Many,,,,,,,,\n",  # 13
    )

    out, err, refusal = run(file)

    assert not Post.objects.exists()
    assert (out, refusal) == ("", "Nothing was imported: 9 to mend.")
    lines = err.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"line {n}" for n in (3, 5, 7, 8, 9, 10, 11, 12, 13)]
    assert "line 3: channels: “nowhere” is no connected channel." in lines
    assert "line 11: scheduled_at: 02:30 does not exist on 29 March" in err
    assert "pw" not in err


def test_the_good_rows_are_kept_when_that_is_asked_for(
    tmp_path: Path, ann: User, channels: dict[str, Channel]
) -> None:
    file = made(tmp_path, "text,channels\nGood,acc-twitter\nBad,nowhere\n")
    out, err, refusal = run(file, keep_good=True)
    assert (out, refusal) == ("1 draft made for ann, 1 left out.\n", "")
    assert err == "line 3: channels: “nowhere” is no connected channel.\n"
    assert Post.objects.get().content().text == "Good"


def test_json_is_taken_and_its_bad_posts_are_told_with_their_line(
    tmp_path: Path, ann: User, channels: dict[str, Channel]
) -> None:
    good = made(
        tmp_path, '[\n {"text": "One", "channels": ["acc-twitter"]},\n {"text": "Two"}\n]\n', "a.json"
    )
    assert run(good)[0] == "2 drafts made for ann.\n"
    bad = made(
        tmp_path,
        '[\n {"text": "One"},\n {"txt": "Two"},\n\n 3,\n {"text": 4}, {"text": "\\u0000"}\n]',
        "b.json",
    )
    _, err, _ = run(bad)
    assert err.splitlines() == [
        "line 3: “txt” is not known.",
        "line 5: A post is an object: {…}.",
        "line 6: text: A text is taken.",
        "line 6: text: It holds a character that cannot be kept.",
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "", "There is no column “text”"),
        ("a.csv", "text\n", "There is no row in it"),
        ("a.csv", "text,colour\nx,y\n", "The column “colour” is not known"),
        ("a.csv", "text,text\nx,y\n", "A column stands there twice"),
        ("a.csv", 'text\n"open\n', "line 2: It is not CSV from here on"),
        ("a.json", "{}", "line 1: A list of posts is taken"),
        ("a.json", '[{"text": "x"},\n {"text": ]', "line 2: It is not JSON from here on"),
        ("a.json", '[{"text": "x"}\n', "line 2: It is not JSON from here on"),
        ("a.json", "[" * 100_000, "line 1: It is not JSON from here on"),
        ("a.xlsx", "PK", "A file called .csv or .json is taken"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_line(
    name: str, text: str, told: str, tmp_path: Path, ann: User, channels: Any
) -> None:
    _, err, refusal = run(made(tmp_path, text, name), keep_good=True)
    assert told in err
    assert refusal.startswith("Nothing was imported")
    assert not Post.objects.exists()


def test_what_is_no_text_is_told(tmp_path: Path, ann: User, channels: Any) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("text\nGrün\nGrün\n".encode("latin-1"))
    assert "line 2: It is not UTF-8" in run(file)[1]
    assert "cannot be read" in run(tmp_path / "nowhere.csv")[2]


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path, ann: User, channels: Any) -> None:
    run(made(tmp_path, "\ufefftext;title\nOne, two;Moss\n"))
    assert Post.objects.get().content().text == "One, two"


def test_a_network_with_two_accounts_asks_for_the_id(
    tmp_path: Path, ann: User, channels: dict[str, Channel]
) -> None:
    channels["twitter"].connection.channels.create(account_id="two", network="twitter", name="Other")
    _, err, _ = run(made(tmp_path, "text,channels\nx,twitter\n"))
    assert "There are 2 channels “twitter”: give the account’s id." in err


def test_who_may_not_write_imports_nothing(tmp_path: Path, olga: User, nobody: User, channels: Any) -> None:
    file = made(tmp_path, "text\nx\n")
    assert "is no active person who may write posts" in run(file, user="olga")[2]
    assert "is no active person who may write posts" in run(file, user="stranger")[2]
    assert "nobody yet who may write posts" in run(file)[2]


def test_all_of_a_file_or_nothing(
    tmp_path: Path, ann: User, channels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, number = workflow.create, iter(range(9))

    def fails_at_the_second(*args: Any, **more: Any) -> Post:
        if next(number) == 1:
            raise RuntimeError("the process dies")
        return real(*args, **more)

    monkeypatch.setattr(importing, "create", fails_at_the_second)
    with pytest.raises(RuntimeError):
        run(made(tmp_path, "text\nOne\nTwo\n"))
    assert not Post.objects.exists()


# ------------------------------------------------------------------------------------------- export
def export(**options: Any) -> str:
    out = io.StringIO()
    args = [f"--{key.rstrip('_')}={value}" for key, value in options.items()]
    call_command("export_audit", *args, stdout=out)
    return out.getvalue()


def told(**options: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export(**options))))


def test_every_row_says_who_when_from_to_what_and_why(make_post: MakePost, bob: User) -> None:
    post = make_post("rejected")
    rows = told()
    assert [row["what"] for row in rows] == ["create", "submit", "reject"]
    last = rows[-1]
    assert (last["actor"], last["kind"], last["post"]) == ("Bob Lindqvist", "person", str(post.pk))
    assert (last["from_status"], last["to_status"], last["why"]) == ("pending", "rejected", "Not now.")
    assert datetime.fromisoformat(last["moment"]).utcoffset() is not None
    assert json.loads(last["data"])["changes_asked"] is False


def test_the_engines_rows_name_their_channel(make_post: MakePost) -> None:
    make_post("published")
    rows = [row for row in told() if row["channel"]]
    assert {row["channel"] for row in rows} == {"X: Kiln & Linen"}
    assert {row["kind"] for row in rows} == {"HotDash"}


def test_the_days_are_the_shops_and_both_included(make_post: MakePost) -> None:
    post = make_post("draft")
    event = Event.objects.get(post=post)
    day = event.created_at.astimezone(shop_zone()).date().isoformat()
    assert len(told(from_=day, to=day)) == 1
    assert told(to="2020-01-01") == []
    with pytest.raises(CommandError, match="before the first"):
        export(from_="2026-11-25", to="2026-11-24")
    with pytest.raises(CommandError, match="is not a day"):
        export(from_="yesterday")


def test_it_can_be_narrowed(make_post: MakePost) -> None:
    first, second = make_post("pending"), make_post("approved")
    assert {row["post"] for row in told(post=second.pk)} == {str(second.pk)}
    assert [row["what"] for row in told(verb="approve")] == ["approve"]
    assert {row["actor"] for row in told(actor="lindq")} == {"Bob Lindqvist"}
    assert {row["post"] for row in told(actor="ann")} == {str(first.pk), str(second.pk)}


def test_json_is_exact_and_a_spreadsheet_runs_no_formula(make_post: MakePost, bob: User) -> None:
    post = make_post("pending")
    workflow.reject(post.pk, Actor(bob), "=HYPERLINK(1)")
    assert told()[-1]["why"] == "'=HYPERLINK(1)"
    assert json.loads(export(format="json"))[-1]["why"] == "=HYPERLINK(1)"
    assert json.loads(export(format="json", to="2020-01-01")) == []


# ----------------------------------------------------------------------------------- the same, by pages
TRAIL, IMPORT = "/admin/social/event/", "/admin/social/post/import/"


def upload(client: Any, text: str, name: str = "posts.csv", **more: Any) -> Any:
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, text.encode()), **more}, follow=True)


def test_a_file_is_imported_by_the_page_for_the_one_who_sends_it(
    sign_in: SignIn, bob: User, channels: Any
) -> None:
    answer = upload(sign_in(bob), "text,channels\nOne,acc-twitter\nTwo,\n")
    assert "2 drafts made from posts.csv." in words(answer)
    assert {post.author for post in Post.objects.all()} == {bob}


def test_bad_rows_stand_on_the_page_with_their_line(sign_in: SignIn, ann: User, channels: Any) -> None:
    client, text = sign_in(ann), "text,channels\nGood,acc-twitter\n<b>Bad</b>,<i>nowhere</i>\n"
    answer = upload(client, text)
    assert answer.status_code == 422
    assert "line 3 channels “<i>nowhere</i>” is no connected channel." in words(answer)
    assert b"<i>nowhere" not in answer.content
    assert "Nothing of posts.csv was imported" in words(answer)
    assert not Post.objects.exists()

    assert "1 left out of posts.csv" in words(upload(client, text, keep_good="1"))
    assert Post.objects.count() == 1


def test_no_file_is_told_and_who_may_not_write_has_no_page(sign_in: SignIn, ann: User, olga: User) -> None:
    assert "Choose a file" in words(sign_in(ann).post(IMPORT))
    assert sign_in(olga).get(IMPORT).status_code == 403
    assert upload(sign_in(olga), "text\nx\n").status_code == 403
    assert not Post.objects.exists()


def test_the_trail_of_all_is_read_newest_first_and_narrowed(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    make_post("rejected", title="Moss")
    make_post("published", title="Teal")
    client = sign_in(ann)
    said = words(client.get(TRAIL))
    assert "Bob Lindqvist Rejected it: Not now. Moss" in said
    assert said.index("Published on X") < said.index("Asked for approval")
    decisions = words(client.get(f"{TRAIL}?what=decisions&q=Moss"))
    assert "1 entry of what you asked for" in decisions
    assert "Nothing fits" in words(client.get(f"{TRAIL}?to=2020-01-01"))
    assert "“soon” is not a day" in words(client.get(f"{TRAIL}?from=soon"))
    assert "before the first one" in words(client.get(f"{TRAIL}?from=2026-11-25&to=2026-11-24"))
    for query in ("q=%00", "q=99999999999999999999", "before=x", "what=x"):
        assert client.get(f"{TRAIL}?{query}").status_code == 200


def test_older_entries_follow_on_the_next_page(
    sign_in: SignIn, ann: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("social.admin.trail.PAGE", 2)
    make_post("rejected")
    client = sign_in(ann)
    first = client.get(TRAIL)
    lines = first.context["lines"] + client.get(f"{TRAIL}?before={first.context['older']}").context["lines"]
    assert [line.event.verb for line in lines] == ["reject", "submit", "create"]


def test_the_trail_takes_the_same_number_of_queries_however_long_it_is(
    sign_in: SignIn, ann: User, make_post: MakePost, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(ann)
    for state in ("rejected", "published", "failed"):
        make_post(state)
    client.get(TRAIL)
    with django_assert_max_num_queries(14):
        client.get(TRAIL)


def test_what_the_page_narrows_to_is_what_is_exported(
    sign_in: SignIn, ann: User, nobody: User, make_post: MakePost
) -> None:
    make_post("rejected")
    client = sign_in(ann)
    answer = client.get(f"{TRAIL}export/?what=decisions")
    assert [row["what"] for row in csv.DictReader(io.StringIO(answer.content.decode()))] == ["reject"]
    assert 'filename="audit.csv"' in answer.headers["Content-Disposition"]
    assert [row["what"] for row in client.get(f"{TRAIL}export/?format=json").json()][-1] == "reject"
    assert client.get(f"{TRAIL}export/?from=soon").status_code == 404
    for page in (TRAIL, f"{TRAIL}export/"):
        assert sign_in(nobody).get(page).status_code == 403


def test_nobody_writes_the_trail(sign_in: SignIn, root: User, make_post: MakePost) -> None:
    make_post("draft")
    event, client = Event.objects.get(), sign_in(root)
    for page in (f"{TRAIL}add/", f"{TRAIL}{event.pk}/change/", f"{TRAIL}{event.pk}/delete/"):
        assert client.post(page, {"post": "yes", "verb": "x"}).status_code in (403, 404)
    assert Event.objects.get() == event
