"""The checks, by the part of the deployment that they look at. The order is that of the report."""

from __future__ import annotations

from scripts.smoke.checks import access, api, frontend, headers, streaming
from scripts.smoke.model import Check

ALL: tuple[Check, ...] = (*frontend.CHECKS, *headers.CHECKS, *access.CHECKS, *api.CHECKS, *streaming.CHECKS)
