"""Writing a post: the form, and saving it as a draft or with the wish for approval.

Names for scripts: `title`, `text`, `own_<network>`, `comment_<network>`, `link`, `channels` (ids),
`scheduled_at` (`2026-11-24T12:00`, in the person's zone), `pictures` (files); one `media` (a SHA-256, or
`new:0` for the first file) and one `media_alt` a picture, in their order; `shown_hash`; the buttons `_save`
and `_submit`. With `tracking`, `tracked` and `campaign` say whether links tell where a visit came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import Error as DatabaseRefusal
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from social import clock, networks, pictures, workflow
from social.admin import post_page
from social.admin.moment_field import MomentField
from social.admin.post_actions import DATABASE_WORDS, actor_of, log
from social.explain import moment
from social.models import Channel, Media, Post, Revision, SavedWords
from social.models.channel import NETWORK_NAMES
from social.networks import counting, tracking
from social.networks.limits import network
from social.worddiff import word_diff
from social.workflow import Content, InvalidContent, Refusal

if TYPE_CHECKING:
    from social.admin.posts import PostAdmin

MOST_PICTURES = 20
_TIME = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True)
class Picture:
    """A picture of the form, kept already."""

    media: Media
    alt_text: str


@dataclass(frozen=True)
class Rules:
    """What the browser counts by, while somebody writes; the server is the judge."""

    network: str
    name: str
    limit: int
    caption: int | None
    count: str
    bytes: int | None
    needs_media: bool
    pictures: int
    link_in_text: bool
    link_beside: bool
    comment: int | None
    note: str

    @classmethod
    def of(cls, key: str) -> Rules:
        rules = network(key)
        return cls(
            network=key,
            name=NETWORK_NAMES.get(key, key),
            limit=rules.text,
            caption=rules.caption,
            count=rules.count.__name__,
            bytes=rules.bytes,
            needs_media=rules.needs_media,
            pictures=rules.pictures.most,
            link_in_text=rules.link_in_text,
            link_beside=key in networks.LINK_BESIDE,
            comment=rules.comment,
            note=rules.note,
        )


class PostForm(forms.Form):
    """What a person writes. Pictures are checked and kept while it is cleaned, so that none is sent twice."""

    title = forms.CharField(max_length=200, required=False)
    text = forms.CharField(required=False, strip=False, max_length=100_000)
    link = forms.URLField(required=False, max_length=2000, assume_scheme="https")
    scheduled_at = MomentField(required=False)
    channels = forms.ModelMultipleChoiceField(
        Channel.objects.none(),
        required=False,
        error_messages={"invalid_choice": "One of the channels is no longer connected to Publer."},
    )

    tracked = forms.BooleanField(required=False)
    campaign = forms.CharField(max_length=100, required=False)

    # Only a place for what is wrong with them: the files are read in `_keep_pictures`.
    pictures = forms.Field(required=False)

    def __init__(self, *args: Any, user: User, post: Post | None = None, **kwargs: Any) -> None:
        self.user, self.post = user, post
        self.kept: list[Picture] = []
        super().__init__(*args, **kwargs)
        self.offered = _offered(post)
        cast("forms.ModelMultipleChoiceField[Channel]", self.fields["channels"]).queryset = self.offered
        self.rules = [Rules.of(key) for key in dict.fromkeys(channel.network for channel in self.offered)]
        for rules in self.rules:
            self.fields[f"own_{rules.network}"] = forms.CharField(
                required=False, strip=False, max_length=100_000
            )
            if rules.comment:
                self.fields[f"comment_{rules.network}"] = forms.CharField(
                    required=False, strip=False, max_length=100_000
                )

    @classmethod
    def for_revision(cls, revision: Revision | None, **kwargs: Any) -> PostForm:
        """The form as it is first shown."""
        if revision is None:
            return cls(**kwargs)
        initial = {
            "title": revision.post.title,
            "text": revision.text,
            "link": revision.link,
            "scheduled_at": typed(revision.scheduled_at),
            "channels": [channel.pk for channel in revision.channels.all()],
            **{f"own_{key}": str(own.get("text") or "") for key, own in revision.overrides.items()},
            **{
                f"comment_{key}": str(own.get("first_comment") or "")
                for key, own in revision.overrides.items()
            },
            **_tracking(revision),
        }
        form = cls(initial=initial, **kwargs)
        form.kept = [
            Picture(item.media, item.alt_text) for item in revision.revision_media.select_related("media")
        ]
        return form

    def clean_text(self) -> str:
        return _unix(self.cleaned_data["text"])

    def clean_link(self) -> str:
        link = str(self.cleaned_data["link"])
        if words := networks.link_problem(link):
            raise forms.ValidationError(words)
        return link

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        before = self.post.revision.scheduled_at if self.post and self.post.revision else None
        if before and self.data.get("scheduled_at") == typed(before):
            cleaned["scheduled_at"] = before  # not touched; of an hour that comes twice it may be the second
        self.kept, wrong = self._keep_pictures()
        for words in wrong:
            self.add_error("pictures", words)
        return cleaned

    def _keep_pictures(self) -> tuple[list[Picture], list[str]]:
        """The pictures in their order, and why some were refused. What is good is kept, whatever is wrong."""
        files = self.files.getlist("pictures")
        data = cast(QueryDict, self.data)
        places, alts = data.getlist("media"), data.getlist("media_alt")
        alt_of = {place: alts[i].strip()[:1500] if i < len(alts) else "" for i, place in enumerate(places)}
        order = list(dict.fromkeys([*places, *(f"new:{i}" for i in range(len(files)))]))
        if len(order) > MOST_PICTURES:
            return [], [f"At most {MOST_PICTURES} pictures are taken."]
        known = Media.objects.in_bulk([place for place in order if not place.startswith("new:")])
        new, wrong = {}, []
        for i, file in enumerate(files):
            try:
                new[f"new:{i}"] = keep(file, self.user)
            except pictures.UnusablePicture as refusal:
                wrong.append(str(refusal))
        kept = [(known.get(place) or new.get(place), alt_of.get(place, "")) for place in order]
        return [Picture(media, alt_text) for media, alt_text in kept if media is not None], wrong

    def content(self) -> Content:
        """What was written, as a revision takes it; what the form does not show of the overrides stays."""
        before = self.post.revision if self.post else None
        overrides = {key: dict(own) for key, own in before.overrides.items()} if before else {}
        for rules in self.rules:
            own = _unix(self.cleaned_data.get(f"own_{rules.network}") or "")
            if own.strip():
                overrides.setdefault(rules.network, {})["text"] = own
            else:
                overrides.get(rules.network, {}).pop("text", None)
            if rules.comment and f"comment_{rules.network}" in self.data:
                comment = _unix(self.cleaned_data.get(f"comment_{rules.network}") or "")
                overrides.setdefault(rules.network, {}).pop("first_comment", None)
                if comment.strip():
                    overrides[rules.network]["first_comment"] = comment
        channels = self.cleaned_data.get("channels", Channel.objects.none()).select_related("connection")
        link = self.cleaned_data.get("link", "")
        if "tracking" in self.data:
            self._track(link, [channel.network for channel in channels], overrides)
        return Content(
            text=self.cleaned_data.get("text", ""),
            channels=list(channels),
            link=link,
            media=[(picture.media, picture.alt_text) for picture in self.kept],
            overrides={key: own for key, own in overrides.items() if own},
            scheduled_at=self.cleaned_data.get("scheduled_at"),
        )

    def _track(self, link: str, chosen: Sequence[str], overrides: dict[str, dict[str, Any]]) -> None:
        """Give each chosen network its own link where that is wished. One that a program gave, to another
        page, stays."""
        before = self.post.revision.link if self.post and self.post.revision else ""
        for own in overrides.values():
            if "link" in own and tracking.without(str(own["link"])) in (before, link):
                del own["link"]
        if not self.cleaned_data.get("tracked") or not link:
            return
        campaign = slugify(self.cleaned_data.get("campaign", ""))
        campaign = campaign or tracking.campaign_of(self.cleaned_data.get("title", ""), link)
        for key in dict.fromkeys(chosen):
            own, with_source = overrides.setdefault(key, {}), tracking.tracked(link, key, campaign)
            if "link" not in own and with_source != link:
                own["link"] = with_source

    def show(self, problems: Sequence[networks.Problem]) -> None:
        """Put each problem at its field."""
        for problem in problems:
            field = field_of(problem)
            self.add_error(field if field in self.fields else None, problem.message)


def field_of(problem: networks.Problem) -> str:
    """The form's field that a problem belongs to."""
    if problem.field.startswith("overrides."):
        _, key, what = problem.field.split(".")
        return f"comment_{key}" if what == "first_comment" and network(key).comment else f"own_{key}"
    return {"media": "pictures"}.get(problem.field, problem.field)


def _tracking(revision: Revision) -> dict[str, Any]:
    """Whether the links of a revision tell where a visit came from, and for which campaign."""
    links = [str(own["link"]) for own in revision.overrides.values() if own.get("link")]
    campaigns = [tracking.campaign_in(link) for link in links if tracking.is_tracked(link)]
    return {"tracked": bool(campaigns), "campaign": campaigns[0] if campaigns else ""}


def _offered(post: Post | None) -> QuerySet[Channel]:
    """The connected channels, and those that the post is for already."""
    connected = Q(active=True, connection__connected=True)
    if post is not None and post.revision_id:
        connected |= Q(pk__in=post.content().channels.values("pk"))
    return Channel.objects.filter(connected).order_by("network", "name", "id")


def keep(file: UploadedFile[Any], user: User) -> Media:
    """Check and keep one upload; one that is far too large is not read at all."""
    name = file.name or ""
    pictures.check_size(name, file.size or 0)
    return pictures.keep(file.read(), name, user)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


# ------------------------------------------------------------------------------------------ saving
@dataclass(frozen=True)
class Conflict:
    """Somebody else changed the post after the page was drawn."""

    who: str
    when: str
    number: int
    changes: Sequence[tuple[str, Any]]


def add(admin: PostAdmin, request: HttpRequest) -> HttpResponse:
    """Write a new post."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    user = actor_of(request).person
    if request.method != "POST":
        return _page(admin, request, PostForm(user=user))
    form = PostForm(request.POST, request.FILES, user=user)
    if _clean(form, request):
        saved = _save(form, request, None)
        if saved is not None:
            return _done(request, saved)
    return _page(admin, request, form)


def change(admin: PostAdmin, request: HttpRequest, post: Post) -> HttpResponse:
    """One post: what became of it, and the form to change it."""
    if not admin.has_view_or_change_permission(request, post):
        raise PermissionDenied
    user = actor_of(request).person
    if request.method != "POST":
        return _page(admin, request, PostForm.for_revision(post.revision, user=user, post=post), post)
    if not admin.has_change_permission(request, post):
        raise PermissionDenied
    form = PostForm(request.POST, request.FILES, user=user, post=post)
    conflict = _conflict(post, request)
    if _clean(form, request) and conflict is None:
        saved = _save(form, request, post)
        if saved is not None:
            return _done(request, saved)
        post = admin.get_object(request, str(post.pk)) or post
        conflict = _conflict(post, request)
    return _page(admin, request, form, post, conflict)


def typed(at: datetime | None) -> str:
    """As the field for a time shows it."""
    local = timezone.localtime(at) if at else None
    return local.strftime(_TIME + (":%S" if local.second else "")) if local else ""


def _clean(form: PostForm, request: HttpRequest) -> bool:
    """Whether it can be saved; somebody who asks for approval gives a time to come."""
    if form.is_valid() and "_submit" in request.POST:
        at: datetime | None = form.cleaned_data["scheduled_at"]
        if at is not None and at <= clock.now():
            form.add_error(
                "scheduled_at",
                "This time has passed: choose a later one, or leave it empty, to send it once approved.",
            )
    return form.is_valid()


def _save(form: PostForm, request: HttpRequest, post: Post | None) -> Post | None:
    """Save, and ask for approval where that was pressed: both or neither. None: the form says why not."""
    actor, title, content = actor_of(request), form.cleaned_data["title"], form.content()
    try:
        with transaction.atomic():
            if post is None:
                saved = workflow.create(actor, content, title=title)
            else:
                if post.status == Post.Status.PENDING and content.problems():
                    raise InvalidContent(content.problems())
                shown = request.POST.get("shown_hash", "")
                saved = workflow.edit(post.pk, actor, content, title=title, shown_hash=shown)
            if "_submit" in request.POST and saved.status != Post.Status.PENDING:
                saved = workflow.submit(saved.pk, actor)
            return saved
    except InvalidContent as refusal:
        form.show(refusal.problems)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
    except DatabaseRefusal:
        log.exception("the database refused a post")
        form.add_error(None, DATABASE_WORDS)
    return None


def _done(request: HttpRequest, post: Post) -> HttpResponse:
    number = post.content().number
    if post.change.get("verb"):
        then = "then it waits for approval" if post.change.get("submit") else "then it is a draft"
        words = f"“{post.name}” is changed as soon as Publer has let go of it; {then}."
    elif post.status == Post.Status.PENDING:
        words = f"“{post.name}” waits for approval, as revision {number}."
    else:
        words = f"“{post.name}” is saved as a draft."
    messages.success(request, words)
    answer = HttpResponseRedirect(reverse("admin:social_post_change", args=[post.pk]))
    if kept := request.POST.get("draft", ""):  # what the browser kept meanwhile is not needed any more
        answer.set_cookie("hd_saved", kept[:64], max_age=3600, path=reverse("admin:index"), samesite="Lax")
    return answer


def _conflict(post: Post, request: HttpRequest) -> Conflict | None:
    """Who changed what, where the form was drawn from another revision than the current one."""
    shown, now = request.POST.get("shown_hash", ""), post.revision
    if now is None or not shown or shown == now.content_hash:
        return None
    before = post.revisions.filter(content_hash=shown).last()
    by = now.token.name if now.token else now.created_by.get_full_name() or now.created_by.get_username()
    return Conflict(by, moment(now.created_at), now.number, changes(before, now) if before else [])


def changes(before: Revision, after: Revision) -> list[tuple[str, Any]]:
    """What differs between two revisions: the field as people call it, and the difference."""
    told: list[tuple[str, Any]] = []
    if before.text != after.text:
        told.append(("Text", word_diff(before.text, after.text)))
    for key in sorted({*before.overrides, *after.overrides}):
        for what, name in (("text", "Text"), ("link", "Link"), ("first_comment", "First comment")):
            old, new = (str(one.overrides.get(key, {}).get(what) or "") for one in (before, after))
            if old != new:
                told.append((f"{name} on {NETWORK_NAMES.get(key, key)}", word_diff(old, new)))
    facts = (
        ("Link", before.link, after.link),
        ("Time", _at(before), _at(after)),
        ("Channels", _channels(before), _channels(after)),
        ("Pictures", _pictures(before), _pictures(after)),
    )
    told += [(name, word_diff(old, new)) for name, old, new in facts if old != new]
    return told


def _at(revision: Revision) -> str:
    return moment(revision.scheduled_at) if revision.scheduled_at else "as soon as approved"


def _channels(revision: Revision) -> str:
    return ", ".join(str(channel) for channel in revision.channels.all())


def _pictures(revision: Revision) -> str:
    return ", ".join(f"{item.media_id[:8]} “{item.alt_text}”" for item in revision.pictures())


# ------------------------------------------------------------------------------------------ drawing
def _page(
    admin: PostAdmin,
    request: HttpRequest,
    form: PostForm,
    post: Post | None = None,
    conflict: Conflict | None = None,
) -> HttpResponse:
    chosen = {str(pk) for pk in (form["channels"].value() or [])}
    context = {
        **admin.admin_site.each_context(request),
        "title": post.name if post else "New post",
        "is_fullwidth": "1",
        "post": post,
        "form": form,
        "conflict": conflict,
        "tiles": [
            {"channel": channel, "on": str(channel.pk) in chosen, "rules": Rules.of(channel.network)}
            for channel in form.offered
        ],
        "owns": [
            {
                "rules": rules,
                "field": form[f"own_{rules.network}"],
                "comment": form[f"comment_{rules.network}"] if rules.comment else None,
                "on": any(c.network == rules.network and str(c.pk) in chosen for c in form.offered),
            }
            for rules in form.rules
        ],
        "counting": {
            "table": counting.TABLE,
            "networks": {rules.network: asdict(rules) for rules in form.rules},
        },
        "tracked": form["tracked"].value() if form.is_bound or post else True,
        "saved": _saved_words(admin, request),
        "zone": timezone.get_current_timezone_name().replace("_", " "),
    }
    if post is None:
        context["locked"], context["pending"] = "", False
    else:
        context.update(post_page.context(request, post))
    return TemplateResponse(request, "admin/social/post/change_form.html", context)


def _saved_words(admin: PostAdmin, request: HttpRequest) -> dict[str, Any]:
    """The menus of templates and phrases; where this person may keep them, the way there."""
    if not admin.has_add_permission(request):
        return {}
    every = list(SavedWords.objects.all()[:200])
    may = request.user.has_perm("social.change_savedwords")
    return {
        "templates": [one for one in every if one.kind == SavedWords.Kind.TEMPLATE],
        "phrases": [one for one in every if one.kind == SavedWords.Kind.PHRASE],
        "manage": reverse("admin:social_savedwords_changelist") if may else "",
    }
