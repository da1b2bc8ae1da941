"""What a failure of npm usually means, told from its exit status and its last lines.

A table, read from the top: the first row that fits is the cause. A row has to be sure of itself; what
none of them knows is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A usual cause.

    Attributes:
        name: For programs and tests.
        why: What happened, for people.
        remedy: What to do about it.
        words: A pattern that one of the last lines matches.
        statuses: Exit statuses that say it without words; negative: npm itself was killed by that signal.
    """

    name: str
    why: str
    remedy: str
    words: str
    statuses: Collection[int] = ()

    def first_line(self, lines: Iterable[str]) -> int | None:
        """Index of the first line with the words; None without one."""
        pattern = re.compile(self.words, re.IGNORECASE)
        return next((number for number, line in enumerate(lines) if pattern.search(line)), None)


CAUSES = (
    Cause(
        "disk",
        "The disk is full.",
        "Make room, then run the same command again; everything in .build is made again when it is missing.",
        r"\bENOSPC\b|\bEDQUOT\b|no space left on device|disk quota exceeded",
    ),
    Cause(
        "heap",
        "Node reached the limit of its heap and gave up.",
        "Raise the limit and run the same command again: NODE_OPTIONS=--max-old-space-size=6144 (megabytes).",
        r"JavaScript heap out of memory|Reached heap limit|Array buffer allocation failed",
        (134, -6),
    ),
    Cause(
        "memory",
        "The system killed the build: the usual reason is that memory ran out (dmesg says so).",
        "End other programs or add swap, then run the same command again; or spare the build: "
        "INVOKE_FRONTEND_FROM_IMAGE=yes takes the client out of LibreChat's image.",
        r"\bsignal SIGKILL\b|^Killed$|\bENOMEM\b|cannot allocate memory",
        (137, -9),
    ),
    Cause(
        "lock",
        "package.json and package-lock.json do not belong together; `npm ci` installs nothing then.",
        "Take both from the same commit, or renew the lock file with `npm install` and review it.",
        r"npm (?:ERR!|error) code EUSAGE|can only install packages when your package\.json and package-lock",
    ),
    Cause(
        "node",
        "This version of Node does not suit what is built.",
        "Install Node 20.19 or newer, the line that LibreChat's own image has; `node --version` tells yours.",
        r"npm (?:ERR!|error) code EBADENGINE|You are using Node\.js .*requires Node\.js"
        r"|ERR_UNKNOWN_BUILTIN_MODULE|crypto\.hash is not a function",
    ),
    Cause(
        "syntax",
        "Node cannot read a script: it is newer than this version of Node, or broken.",
        "Compare `node --version` with what the lines below ask for (LibreChat's own image has Node 20).",
        r"^SyntaxError: ",
    ),
    Cause(
        "certificate",
        "Node does not trust the certificate that the package registry showed: the usual reason is a proxy "
        "that opens TLS.",
        "Name the proxy's authority: NODE_EXTRA_CA_CERTS=<PEM file>.",
        r"npm (?:ERR!|error) code (?:\w*SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT"
        r"|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_HAS_EXPIRED)",
    ),
    Cause(
        "access",
        "The package registry wants to know who asks, or refuses.",
        "Check the registry and its credentials: npm config get registry, and ~/.npmrc.",
        r"npm (?:ERR!|error) code (?:E401|E403|ENEEDAUTH)",
    ),
    Cause(
        "registry",
        "The package registry does not have a package that the lock file names.",
        "Check the registry that npm asks (npm config get registry); a mirror may lack the package.",
        r"npm (?:ERR!|error) code (?:E404|ETARGET)",
    ),
    Cause(
        "network",
        "The package registry was not reached.",
        "Check the network and npm's proxy settings (npm config list), then run the same command again.",
        r"npm (?:ERR!|error) code (?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH"
        r"|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT)\b",
    ),
    Cause(
        "integrity",
        "A package is not the one that the lock file describes: damaged on its way, or replaced.",
        "Empty npm's cache and try again: npm cache clean --force. If it stays, do not trust the registry.",
        r"npm (?:ERR!|error) code EINTEGRITY",
    ),
)


def cause(status: int, lines: Iterable[str]) -> Cause | None:
    """The usual cause of a failure; None when no row of the table fits.

    Words are asked first: 137 may also be what a script chose to end with.
    """
    output = list(lines)
    for row in CAUSES:
        if row.first_line(output) is not None:
            return row
    return next((row for row in CAUSES if status in row.statuses), None)


def excerpt(lines: Sequence[str], found: Cause | None, size: int) -> list[str]:
    """At most `size` lines to show: the last ones, or those from where the cause is told.

    npm explains a failure first and then prints its usage, or the trace of every script around it.
    """
    told = found.first_line(lines) if found else None
    start = max(0, len(lines) - size)
    if told is not None and told < start:
        start = told
    return list(lines[start : start + size])
