"""What each published file is: its key, its checksum, and the headers it must be served with.

Headers depend on the name alone. CloudFront passes them on; nothing else sets them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts.content import files_below, sha256_text
from scripts.errors import DeployError

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

# A table of our own: Python's mimetypes also reads the machine's /etc/mime.types, so the same file
# would get another type elsewhere.
CONTENT_TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".eot": "application/vnd.ms-fontobject",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}

# LibreChat names hashed files `assets/[name].[hash][extname]` (client/vite.config.ts). The dot decides:
# `assets/fonts/Inter-SemiBold.woff2` has eight letters after a hyphen and no hash. Workbox names its
# runtime with one of its own, `workbox-5ffe50d4.js`.
_HASHED = re.compile(
    r"assets/(?:.*/)?[^/]+\.[A-Za-z0-9_-]{8}\.[a-z0-9]+(?:\.map)?|workbox-[0-9a-f]{8}\.js(?:\.map)?"
)

# Siblings for LibreChat's own static server. CloudFront compresses by itself and never asks for them.
_PRECOMPRESSED = {".gz", ".br"}


@dataclass(frozen=True)
class Entry:
    """One file of the site.

    Attributes:
        key: Path below the distribution directory, and the object's key.
        md5: Hex digest; S3's ETag of an object put in one part without KMS.
    """

    key: str
    path: Path
    size: int
    md5: str
    content_type: str
    cache_control: str

    @property
    def hashed(self) -> bool:
        """Whether the name changes with the content."""
        return is_hashed(self.key)


def is_hashed(key: str) -> bool:
    """Whether a key holds a hash of its content, so that it can be cached for ever."""
    return _HASHED.fullmatch(key) is not None


def content_type(key: str) -> str:
    """The Content-Type for a key."""
    return CONTENT_TYPES.get(PurePosixPath(key).suffix.lower(), "application/octet-stream")


def cache_control(key: str) -> str:
    """The Cache-Control for a key."""
    return IMMUTABLE if is_hashed(key) else REVALIDATE


def rules_version() -> str:
    """Changes whenever the same file would be published with other headers."""
    return sha256_text([IMMUTABLE, REVALIDATE, _HASHED.pattern, repr(sorted(CONTENT_TYPES.items()))])[:12]


def read(dist: Path) -> tuple[Entry, ...]:
    """The files of a distribution directory, by key.

    Raises:
        DeployError: when it has no index.html; publishing it would empty the site.
    """
    if not (dist / "index.html").is_file():
        raise DeployError(
            "The frontend has no index.html",
            f"{dist} is not a finished build.",
            "Remove it and build again: inv frontend.build",
        )
    files = (path for path in files_below(dist) if path.suffix not in _PRECOMPRESSED)
    return tuple(sorted((_entry(dist, path) for path in files), key=lambda entry: entry.key))


def _entry(dist: Path, path: Path) -> Entry:
    key = path.relative_to(dist).as_posix()
    body = path.read_bytes()
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return Entry(key, path, len(body), md5, content_type(key), cache_control(key))
