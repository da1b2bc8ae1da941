"""Recognises secrets by their looks: names that say what they hold, and formats of well-known secrets.

What is no secret stays readable: hashes of commits, digests of images, request IDs, ARNs, ETags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

REMOVED = "[removed]"

FORMATS: Mapping[str, str] = {
    "looks like an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "looks like a token of GitHub or GitLab": r"\b(?:gh[pousr]_|github_pat_|glpat-)[\w-]{20,}",
    "looks like a token of Slack": r"\bx(?:ox[a-z]|app)-[\w-]{10,}",
    "looks like an API key of Google": r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}",
    "looks like a JSON Web Token": r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    # OpenAI, Anthropic, OpenRouter, Stripe, Firecrawl, xAI, Perplexity, Tavily, Groq, Hugging Face …
    "looks like an API key": (
        r"(?<![\w-])(?:[sp]k-|[prs]k_(?:live|test)_|whsec_|fc-|xai-|pplx-|tvly-|gsk_|hf_|r8_|npm_|pypi-"
        r"|dckr_pat_|dop_v1_|shpat_)(?=[\w-]*\d)[\w-]{16,}|\bhvs\.[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    ),
}
"""Formats that are secrets wherever they stand, each by what is said of a finding."""

_NAME_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[.-]")
_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|passcode|(?:^|_)(?:pass|pwd|otp|sid|jwt|bearer|pat)(?:_|$)|pwd$"
    r"|(?:^|_)creds|credential|token(?!s|iz)|auth(?:orization)?$|cookie2?$|connection_?string|signature$"
    r"|[a-z0-9]_key(?:_|$)|(?:api|access|private|master|encryption|secret|account|subscription|storage)key"
)
_HARMLESS_NAME = re.compile(
    # About a secret: client_secret_arn, token_url, passwordPolicy, ExpiredTokenException.
    r"(?:^|_)(?:ur[il]|endpoint|arns?|names?|limit|count|length|size|ttl|expir\w*|lifetime|age|types?|error|"
    r"exception|policy|from|path|file|methods?|ms|seconds|minutes|providers?|status|field|header|prefix|"
    r"manager|enabled|required|allowed|used|usage|parameters?|title|label|description|per|rate|(?<!key_)id)$"
    r"|(?:^|_)(?:public|primary|foreign|partition|sort|cache|object|s3|kms|unique|range|registry|site|idempotency)"
    r"_keys?(?:_|$)|allow_credentials|pagination_token|next_token|secretsmanager$"
)
_RANDOM_NAME = re.compile(r"(?:^|_)(?:key|keys|session|sig|hmac|tokens|salt|nonce)$")
"""Names of much else, too: the value must look the part."""

_QUERY_NAME = re.compile(r"(?:^|_)(?:code|state|sig|key|session|ticket|assertion|samlresponse|samlrequest)$")
"""Names that hold secrets in a query: OAuth's, Azure's shared access signatures."""

_WORD_VALUE = re.compile(
    r"(?i)(?:true|false|null)[}\])]*|none|nil|undefined|yes|no|on|off|include|same-origin|omit|missing|required|invalid|"
    r"expired|unset|empty|set|not|is|are|was|has|must|cannot|the|a|an|user_provided|\W+|"
    r"(?:\$\{[^}]*\}|\{\{[^}]*\}\}|\[removed\]|\(hidden\)|\(sensitive[^)]*\)|•+|\*+)\W*"
)
"""Values that say something of a secret, or stand in for it."""

_QUOTE = r"(?:\\*[\"']|%2[27]|&quot;|&apos;|&\#3[49];|&\#x2[27];)"

_NAME = re.compile(
    rf"""
    # ARNs and IAM actions have words with colons between them: arn:aws:secretsmanager:…:secret:name
    \barn:aws[\w-]*:[\w:/.*+@=,-]*
    | \b(?:secretsmanager|ssm|sts|iam|kms):[A-Z]\w*
    | (?<![\w.-])(?P<name>[\w.-]++)
      (?:
        (?P<equals>{_QUOTE}?\s*(?:=>|[:=]|%3[dDaA])\s*)
        # ("x-origin-key", "…"), {{"name": "JWT_SECRET", "value": "…"}}
        | {_QUOTE}\s*,\s*(?:{_QUOTE}[vV]alue{_QUOTE}\s*[:=]\s*)?b?(?={_QUOTE})
      )
    """,
    re.VERBOSE,
)
"""A name with what stands between it and its value."""

_QUOTED = re.compile(rf"(?P<quote>{_QUOTE})(?P<inner>[^\r\n]*?)(?<!\\)(?P=quote)")
_LIST = re.compile(r"\[[^\]\r\n]*\]?")
_TO_A_SPACE = re.compile(rf"(?:(?!,?{_QUOTE}(?:[,:\s}}\])]|$)|,{_QUOTE})[^\s])+")
_TO_THE_END = re.compile(r"[^\r\n]+")
_IN_A_QUERY = re.compile(r"[^\s&#\"'<>]+")
_RANDOM_RUN = re.compile(r"[\w+/=~-]{1,256}")
_PROSE = re.compile(r"[A-Z][a-z]*(?:\.\.\.|[,.]?\s+[a-z])|[a-z]+(?:ed|ing)\b")
"""What follows a colon in a sentence: ``ExpiredToken: The security token …``."""

_HEADERS_TO_THE_END = re.compile(r"(?:authorization|cookie2?)$")
"""Headers whose value has spaces."""

_SCHEME = re.compile(r"(?i)(?:bearer|basic|digest|token|aws4-hmac-sha256)[ \t]")

_COOKIE_ATTRIBUTE = re.compile(
    r"(?i)\s*(?:path|domain|expires|max-age|samesite|priority|secure|httponly|partitioned)\s*(?:=|$)"
)

_PEM = re.compile(
    r"-----BEGIN [^\n-]{0,60}-----(?:(?!-----BEGIN).){0,40000}?-----END [^\n-]{0,60}(?:-----|$)", re.DOTALL
)
_PEM_MARK = re.compile(r"-----(BEGIN|END) [^\n-]{0,60}(?:-----|$)")
_BASE64_LINE = re.compile(r"[ \t]*[A-Za-z0-9+/]{60,80}={0,2}[ \t]*\r?")
_BASE64_END = re.compile(r"[ \t]*[A-Za-z0-9+/]{4,80}={0,2}[ \t]*\r?")
_BASE64_RUN = r"(?:[A-Za-z0-9+/=]|\\+[nr/])"

_ESCAPED_BASE64 = re.compile(rf"(?:{_BASE64_RUN}|[ \t\r])*")
_LINE_OF_KEY = re.compile(
    r"\n(?:[A-Za-z0-9-]+: [^\n]*|[^\n]*[A-Za-z0-9+/]{20}[^\n]*|[ \t]*[A-Za-z0-9+/=]*[ \t]*\r?(?=\n|$))"
)
"""A header of the block, a line with base64 in it whatever a log wrote before it, a short last line."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # DER in base64 begins so: a key whose first line was cut off.
    (re.compile(rf"(?<![\w+/])MI[IGCH][A-Za-z0-9+/]{{20}}{_BASE64_RUN}*"), REMOVED),
    (re.compile(rf"(?<![\w+/])b3BlbnNzaC1rZXkt{_BASE64_RUN}*"), REMOVED),
    # user:password@host, as in a MONGO_URI; then with a slash in the password; then a token alone. Bounded:
    # from each of many addresses in a row a search without an end would go through all of them.
    (
        re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'<>]*):(?!\[removed\])[^\s/\"'<>?#]+@"),
        rf"\1:{REMOVED}@",
    ),
    (
        re.compile(
            r"(?i)([a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'<>\[]+)"
            r":(?!\[removed\]|\d{1,5}(?:[/?#,\s]|$))[^\s\"'<>@]{1,1024}@"
        ),
        rf"\1:{REMOVED}@",
    ),
    (re.compile(r"(?i)(://)(?=[^\s/:@]*\d)(?=[^\s/:@]*[a-z])[^\s/:@\"'<>]{16,}@"), rf"\1{REMOVED}@"),
    (re.compile("|".join(FORMATS.values())), REMOVED),
    (re.compile(r"(\s(?:-u|--user)[ =]['\"]?[^\s:'\"]+):(?!\[removed\])[^\s'\"]+"), rf"\1:{REMOVED}"),
    # Cut off, or without digits: for reading it is enough that it may be one.
    (re.compile(r"(?<![\w-])[sp]k-(?:[a-z]+-)?(?=[\w-]*[0-9A-Z]|\w{16})[\w-]{10,}"), REMOVED),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}"), REMOVED),
    (re.compile(r"(?<=hooks\.slack\.com/services/)[\w/-]+"), REMOVED),
    (
        re.compile(
            r"(?i)\b(bearer|basic)(\s+|%20|\+)(?!\[removed\])"
            r"(?=[\w.~+/%=-]*[\d=_~%]|(?-i:[\w-]*[a-z][A-Z])|[\w-]{20})[\w.~+/%=-]{8,}"
        ),
        rf"\1\2{REMOVED}",
    ),
)


def redact(text: str) -> str:
    """The text with `REMOVED` in place of what looks like a secret. Doing it again changes nothing."""
    text = _without_keys(text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _without_named(text)


def redact_json(value: Any) -> Any:
    """JSON with every text in it redacted; a text whose name says that it is a secret is removed."""
    return _leaves(value, "")


def is_secret_name(name: str) -> bool:
    """Whether what has this name (``CREDS_KEY``, ``x-api-key``, ``clientSecret``) is a secret."""
    plain = _plain_name(name)
    return bool(_SECRET_NAME.search(plain)) and not _HARMLESS_NAME.search(plain)


def _plain_name(name: str) -> str:
    """``clientSecret``, ``Client-Secret`` → ``client_secret``."""
    return _NAME_BOUNDARY.sub("_", name).lower()


def _without_named(text: str) -> str:
    """The text without the values whose names say that they are secrets."""
    kept, position = [], 0
    while match := _NAME.search(text, position):
        value = _value(text, match) if match["name"] else None
        if value is None:
            # Its value may hold a name of its own: message="password=…".
            end = match.end("name") if match["name"] else match.end()
            kept.append(text[position:end])
            position = end
            continue
        begin, end, replacement = value
        kept += [text[position:begin], replacement]
        position = end
    return "".join([*kept, text[position:]])


def _value(text: str, match: re.Match[str]) -> tuple[int, int, str] | None:
    """Where the secret after a name begins and ends, and what takes its place; None when there is none."""
    name, begin = _plain_name(match["name"]), match.end()
    in_query = match.start() > 0 and text[match.start() - 1] in "?&"
    if _HARMLESS_NAME.search(name):
        return None
    named = bool(_SECRET_NAME.search(name)) or (in_query and bool(_QUERY_NAME.search(name)))
    if not named and not _RANDOM_NAME.search(name):
        return None
    if text.endswith("Authentication ", 0, match.start()):  # AWS's own "Missing Authentication Token: …"
        return None
    if not named:
        begin = _end(re.compile(_QUOTE), text, begin)
        end = _end(_RANDOM_RUN, text, begin)
    elif quoted := _QUOTED.match(text, begin):
        begin, end = quoted.span("inner")
    elif unfinished := re.compile(_QUOTE).match(text, begin):
        begin, end = unfinished.end(), _end(_TO_THE_END, text, unfinished.end())
    elif listed := _LIST.match(text, begin):
        if listed[0].startswith((REMOVED, "[]")):
            return None
        end = listed.end()
    elif _HEADERS_TO_THE_END.search(name) and (
        (not in_query and ":" in (match["equals"] or "")) or _SCHEME.match(text, begin)
    ):
        end = _end(_TO_THE_END, text, begin)
    else:
        end = _end(_IN_A_QUERY if in_query else _TO_A_SPACE, text, begin)
        sentence = not match["name"].isupper() and re.search(r":\s+$", match["equals"] or "")
        if sentence and _PROSE.match(text, begin):
            return None
    value = text[begin:end]
    if not _could_be_secret(name, value, named=named):
        return None
    if re.search(r"cookie2?$", name):
        return begin, end, _cookies(value, sent=not name.startswith("set"))
    return begin, end, REMOVED


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    found = pattern.match(text, begin)
    return found.end() if found else begin


def _could_be_secret(name: str, value: str, *, named: bool) -> bool:
    if not value.strip() or value.startswith(("{", "arn:aws")) or _WORD_VALUE.fullmatch(value.rstrip(".,;)")):
        return False
    if not named:
        return _random(value)
    # A short whole number counts something: milliseconds that reading secrets took.
    return bool(re.search(r"pass|pwd|otp", name)) or not re.fullmatch(r"\d{1,6}\D?", value)


def _random(value: str) -> bool:
    """Whether it could be a secret by its looks alone."""
    return bool(re.fullmatch(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=~-]{16,}", value)) and "/" not in value[:8]


def _cookies(value: str, *, sent: bool) -> str:
    """Each cookie's name, and the attributes of a Set-Cookie, which are what evidence is about."""
    parts = re.split(r"(;|,(?=\s*[\w.-]+=))", value)  # a comma: several cookies in one line
    return "".join(
        part if part in (";", ",") or (not sent and _COOKIE_ATTRIBUTE.match(part)) else _without_value(part)
        for part in parts
    )


def _without_value(cookie: str) -> str:
    name, equals, _ = cookie.partition("=")
    return f"{name}={REMOVED}" if equals else REMOVED if cookie.strip() else cookie


def _without_keys(text: str) -> str:
    """The text without PEM blocks, also when one is cut off at either end."""
    if "-----" in text:
        text = _PEM.sub(REMOVED, text)
        while mark := _PEM_MARK.search(text):
            if mark[1] == "BEGIN":
                begin, end = mark.start(), _end_of_key(text, mark.end())
            else:
                begin, end = _begin_of_key(text, mark.start()), mark.end()
            text = text[:begin] + REMOVED + text[end:]
    return _without_base64_lines(text)


def _end_of_key(text: str, position: int) -> int:
    """Where a key ends whose last line is missing: after the last line that could be of it."""
    end = _end(_ESCAPED_BASE64, text, position)
    while line := _LINE_OF_KEY.match(text, end):
        end = line.end()
    return end


def _begin_of_key(text: str, position: int) -> int:
    """Where a key begins whose first line is missing."""
    begin = position
    while begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] in "+/=\\"):
        begin -= 1
    while begin > 0 and text[begin - 1] == "\n":
        start = text.rfind("\n", 0, begin - 1) + 1
        if not re.search(r"[A-Za-z0-9+/]{20}", text[start : begin - 1]):
            break
        begin = start
    return begin


def _without_base64_lines(text: str) -> str:
    """The text without two and more full lines of base64 in a row: the middle of a key."""
    lines = text.split("\n")
    full = [
        bool(_BASE64_LINE.fullmatch(line)) and not re.fullmatch(r"\s*[0-9a-fA-F]+\s*", line) for line in lines
    ]
    kept: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        here = full[number] and (inside or (number + 1 < len(lines) and full[number + 1]))
        last = inside and not here and bool(_BASE64_END.fullmatch(line))
        if not here and not last:
            kept.append(line)
        elif not inside:
            kept.append(REMOVED)
        inside = here
    return "\n".join(kept)


def _leaves(value: Any, name: str) -> Any:
    if isinstance(value, str):
        plain = _plain_name(name)
        if name and is_secret_name(name) and _could_be_secret(plain, value, named=True):
            return _cookies(value, sent=not plain.startswith("set")) if "cookie" in plain else REMOVED
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): _leaves(item, str(key)) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_leaves(item, name) for item in value]
    return value
