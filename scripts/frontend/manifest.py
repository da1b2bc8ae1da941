"""What each published file is: its key, its checksum, and the headers it must be served with.

Headers depend on the name alone. CloudFront passes them on; nothing else sets them. Not for the bucket:
nothing here speaks to S3.

Precompressed siblings (``index.js.gz``, ``index.js.br``) are for LibreChat's own static server and stay at
home. The default behavior compresses at the edge, gzip and Brotli: ``compress`` is on by default in the
CloudFront module, and CachingOptimized lets both encodings through. CloudFront does so for objects of
1,000 to 10,000,000 bytes of listed types, which is all that pays: HTML, CSS, JavaScript, JSON, SVG and the
fonts ttf, otf and eot are in the list; woff and woff2 are compressed formats and are not. No file of
LibreChat's client is larger. Serving the siblings would need a function on every request instead, for 12 %
of a first visit's bytes (docs/frontend.md has the table).
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts.content import files_below, sha256_text
from scripts.errors import DeployError

INDEX_HTML = "index.html"

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

_PRECOMPRESSED = {".gz", ".br"}

# Below it lie the releases that are kept, beside the site.
KEPT = "_releases/"


@dataclass(frozen=True)
class File:
    """One file of the site.

    Attributes:
        key: Path below the distribution directory, and the key of the object that is served.
        size: In bytes.
        md5: Hex digest; S3's ETag of an object put in one part and not encrypted with KMS.
        etag: What S3 calls the object, where that is something else; else empty or the same.
    """

    key: str
    size: int
    md5: str
    etag: str = ""

    @property
    def hashed(self) -> bool:
        """Whether the name changes with the content."""
        return is_hashed(self.key)

    @property
    def kept_at(self) -> str:
        """Key of the object that is never overwritten with another content.

        Of a hashed file it is the one that is served. An unhashed file, which another release
        overwrites, gets one named by its content, which releases share, before that happens.
        """
        return self.key if self.hashed else f"{KEPT}files/{self.md5}"


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


def read(dist: Path) -> tuple[File, ...]:
    """The files of a distribution directory, by key.

    Raises:
        DeployError: when it has no index.html; publishing it would empty the site.
    """
    if not (dist / INDEX_HTML).is_file():
        raise DeployError(
            "The frontend has no index.html",
            f"{dist} is not a finished build.",
            "Remove it and build again: inv frontend.build",
        )
    files = (path for path in files_below(dist) if not _is_sibling(path))
    return tuple(sorted((_file(dist, path) for path in files), key=lambda file: file.key))


def digest(files: Iterable[File]) -> str:
    """Hash of names and contents: two builds with the same one are the same site."""
    return sha256_text(sorted(f"{file.key} {file.md5}" for file in files))[:32]


def _is_sibling(path: Path) -> bool:
    return path.suffix in _PRECOMPRESSED and path.with_suffix("").is_file()


def _file(dist: Path, path: Path) -> File:
    with path.open("rb") as stream:
        md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return File(path.relative_to(dist).as_posix(), path.stat().st_size, md5)
