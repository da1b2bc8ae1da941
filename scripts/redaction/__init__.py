"""Recognises secrets in text, and takes them out before the text is shown, sent or kept.

A response, a log line or a tool's last words are written by somebody else's program: they may hold a session
cookie, a token in an address, or a connection string. What leaves this package shows that such a thing was
there, never what it was.

    looks.py    by names and formats, for text of which nothing is known
    values.py   by values that are known, in every form in which a program may write them
"""

from scripts.redaction.looks import FORMATS, REMOVED, is_secret_name, redact, redact_json
from scripts.redaction.values import redact_values

__all__ = ["FORMATS", "REMOVED", "is_secret_name", "redact", "redact_json", "redact_values"]
