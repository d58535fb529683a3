"""What can be said of a network."""

from collections.abc import Callable
from dataclasses import dataclass, field

from social.networks.counting import characters

MB = 1_000_000
JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
FORMATS = {JPEG: "JPEG", PNG: "PNG", GIF: "GIF", WEBP: "WebP"}


@dataclass(frozen=True)
class Pictures:
    """Which pictures a network takes. Sizes in bytes and pixels; `shapes` is width by height, from the
    tallest to the widest; `alt_text` the most characters that describe one."""

    most: int = 10
    needed: bool = False
    formats: tuple[str, ...] = (JPEG, PNG, WEBP)
    size: int = 20 * MB
    gif_size: int = 15 * MB
    least: tuple[int, int] = (1, 1)
    shapes: tuple[float, float] | None = None
    alt_text: int = 1500

    @property
    def format_names(self) -> str:
        """The formats in words."""
        *others, last = (FORMATS[kind] for kind in self.formats)
        return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class Network:
    """One network: `text` is the most that `count` may give; `daily` is (free, professional, business).

    `kinds` are the content types that HotDash sends there. `caption` is the limit beside a picture where that
    is another. `link_in_text`: a link is always part of its text, never a field of its own. `fold` is how
    many characters are shown before "more". `comment`: Publer takes a first comment for it.
    """

    text: int
    daily: tuple[int, int, int]
    count: Callable[[str], int] = characters
    kinds: tuple[str, ...] = ("status", "link", "photo")
    pictures: Pictures = field(default_factory=Pictures)
    bytes: int | None = None
    caption: int | None = None
    hashtags: int | None = None
    mentions: int | None = None
    links: int | None = None
    link_in_text: bool = False
    fold: int | None = None
    comment: int | None = None
    note: str = ""
    """What a person should know about how it is counted, beside the counter."""

    @property
    def needs_media(self) -> bool:
        """Whether nothing goes there without a picture."""
        return self.pictures.needed

    def limit(self, *, with_pictures: bool) -> int:
        """The most that `count` may give."""
        return self.caption if with_pictures and self.caption else self.text
