"""Pictures on their way in: checked by their content, freed of what they tell about place and camera, and
kept once."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import PurePath

from django.contrib.auth.models import User
from PIL import Image, ImageOps, UnidentifiedImageError

from social.models import Media

MAX_BYTES = 20 * 1024 * 1024
MAX_SIDE = 12_000
MIN_SIDE = 50
MAX_PIXELS = 60_000_000
THUMBNAIL = (320, 320)
FORMATS = {
    "JPEG": ("image/jpeg", (".jpg", ".jpeg", ".jfif", ".jpe")),
    "PNG": ("image/png", (".png",)),
    "GIF": ("image/gif", (".gif",)),
    "WEBP": ("image/webp", (".webp",)),
}


class UnusablePicture(ValueError):
    """The file is refused; `str()` says why, in words for a person."""


@dataclass(frozen=True)
class Picture:
    """A file that was checked and freed of its metadata, not kept yet."""

    sha256: str
    content: bytes
    thumbnail: bytes
    content_type: str
    filename: str
    width: int
    height: int

    def keep(self, user: User | None) -> Media:
        """The row of this picture: the same one is kept once."""
        media, _ = Media.objects.get_or_create(
            sha256=self.sha256,
            defaults={
                "content": self.content,
                "thumbnail": self.thumbnail,
                "content_type": self.content_type,
                "filename": self.filename,
                "width": self.width,
                "height": self.height,
                "size": len(self.content),
                "created_by": user,
            },
        )
        return media


def keep(data: bytes, filename: str, user: User | None) -> Media:
    """Check a file and keep it, as `check` and `Picture.keep`."""
    return check(data, filename).keep(user)


def check(data: bytes, filename: str) -> Picture:
    """Check a file and take its metadata off.

    Raises `UnusablePicture` with the reason where the file is not a JPEG, PNG, GIF or WebP picture, is not
    what its name says, or is too large or too small.
    """
    name = PurePath(filename.replace("\\", "/")).name[-200:]
    image = _opened(data, name)
    content = _without_metadata(image, data)
    with Image.open(io.BytesIO(content)) as clean:
        width, height = clean.size
        thumbnail = _thumbnail(clean)
    return Picture(
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        thumbnail=thumbnail,
        content_type=FORMATS[str(image.format)][0],
        filename=name,
        width=width,
        height=height,
    )


def check_size(filename: str, size: int) -> None:
    """Raise `UnusablePicture` for a file that is empty or over `MAX_BYTES`: before its bytes are read."""
    shown = filename or "The file"
    if not size:
        raise UnusablePicture(f"{shown} is empty.")
    if size > MAX_BYTES:
        raise UnusablePicture(
            f"{shown} has {size / 1048576:.1f} MB; at most {MAX_BYTES // 1048576} MB are taken."
        )


def _opened(data: bytes, name: str) -> Image.Image:
    shown = name or "The file"
    check_size(name, len(data))
    if b"<svg" in data[:2000].lower():
        raise UnusablePicture(
            f"{shown} is an SVG drawing: networks take only JPEG, PNG, GIF or WebP pictures."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=list(FORMATS))
            if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
                raise UnusablePicture(f"{shown} is {image.width} × {image.height} pixels: that is too large.")
            image.load()
    except UnusablePicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusablePicture(f"{shown} unpacks to too many pixels.") from None
    except UnidentifiedImageError:
        raise UnusablePicture(f"{shown} is not a JPEG, PNG, GIF or WebP picture.") from None
    except Exception:  # a broken file makes Pillow raise nearly anything
        raise UnusablePicture(f"{shown} is damaged: it cannot be read to its end.") from None
    if min(image.size) < MIN_SIDE:
        raise UnusablePicture(
            f"{shown} is {image.width} × {image.height} pixels: at least {MIN_SIDE} a side are needed."
        )
    suffix = PurePath(name).suffix.lower()
    if suffix and suffix not in FORMATS[str(image.format)][1]:
        raise UnusablePicture(f"{shown} is not what its name says: its content is {image.format}.")
    return image


def _without_metadata(image: Image.Image, data: bytes) -> bytes:
    """The same picture written anew with its pixels and colour profile alone; upright, if it said how to
    turn it."""
    out = io.BytesIO()
    profile = {"icc_profile": image.info["icc_profile"]} if image.info.get("icc_profile") else {}
    upright = ImageOps.exif_transpose(image)
    turned = upright.size != image.size or image.getexif().get(0x0112, 1) != 1
    if image.format == "JPEG":
        if turned or image.mode not in ("L", "RGB", "CMYK", "YCbCr"):
            upright.convert("RGB").save(out, "JPEG", quality=93, optimize=True, **profile)
        else:
            image.save(out, "JPEG", quality="keep", exif=b"", comment=b"", **profile)
    elif image.format == "PNG" and not getattr(image, "is_animated", False):
        upright.save(out, "PNG", pnginfo=None, exif=b"", **profile)
    elif image.format == "GIF":
        image.save(out, "GIF", save_all=True, comment=b"")
    else:
        image.save(out, image.format, save_all=True, lossless=False, quality=93, exif=b"", xmp=b"", **profile)
    return out.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.convert("RGBA" if image.mode in ("RGBA", "LA", "P") else "RGB")
    small.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80)
    return out.getvalue()
