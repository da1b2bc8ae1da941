"""The domain that viewers use: where it leads, its certificate, and that the old one is named nowhere."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from scripts.smoke.client import Response
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import Site

LEAST_DAYS = 30
LEAST_SHARE = 4
"""Fewer days than these and less than a quarter of the lifetime left: the renewal keeps failing, most often
for want of the DNS record that validates. ACM renews 60 days before the end
(https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html), others after two thirds of a
lifetime that may be 90 days or fewer (https://letsencrypt.org/docs/integration-guide/#when-to-renew)."""

_DAY = 86400
_TRUSTED = "trusted, not about to end"
_HANDSHAKE_SECONDS = 10
_AROUND = 60


async def leads_to_cloudfront(site: Site) -> Result:
    """Who asks for the domain is answered by CloudFront."""
    host = _public_name(site)
    answer = await site.index()
    place, limit = answer.header("x-amz-cf-pop"), "CloudFront"
    if place or "cloudfront" in f"{answer.header('via')} {answer.header('x-cache')}".lower():
        return passed(f"CloudFront{f', edge location {place}' if place else ''}", limit)
    return failed(
        answer.header("server") or "not CloudFront",
        limit,
        reason=f"{host} is answered, and not by CloudFront: its record in Route 53 does not lead to the "
        "distribution, or a name server still has an older one, or something stands before CloudFront.",
        evidence=evidence(answer, body=False),
    )


async def certificate(site: Site) -> Result:
    """The certificate is trusted, is for this name, and will be for a while."""
    host, port = site.need_https()
    try:
        shown = await _certificate(host, port)
    except ssl.SSLCertVerificationError as error:
        return not_trusted(error)
    except (OSError, TimeoutError) as error:
        raise NotCheckedError(f"no TLS connection without a proxy: {error or 'no answer'}") from error
    return judged(shown, time.time())


def not_trusted(error: ssl.SSLCertVerificationError) -> Result:
    """A certificate that no browser accepts."""
    return failed(
        "not trusted",
        _TRUSTED,
        reason=f"{error.verify_message.rstrip('.')}. The certificate of the distribution "
        "(viewer_certificate) must be the one of ACM for the custom domain. Where a proxy opens TLS, this "
        "machine must know its authority (SSL_CERT_FILE).",
    )


def judged(shown: Mapping[str, Any], now: float) -> Result:
    """A trusted certificate (`ssl.SSLSocket.getpeercert`), at a time in seconds since the epoch."""
    begin, end = (ssl.cert_time_to_seconds(str(shown[edge])) for edge in ("notBefore", "notAfter"))
    days, least = int((end - now) // _DAY), min(LEAST_DAYS, (end - begin) / _DAY / LEAST_SHARE)
    limit = f"{_TRUSTED}: at least {least:.0f} days left"
    names = ", ".join(str(name) for _, name in shown.get("subjectAltName", ()))
    measured = f"{names}: {days} days left"
    if end - now >= least * _DAY:
        return passed(measured, limit, details={"days": days})
    return failed(
        measured,
        limit,
        reason="ACM has not renewed the certificate: the DNS record that validates it is gone, or the "
        "certificate was imported and has to be replaced by hand.",
        details={"days": days},
    )


async def old_domain_is_gone(site: Site) -> Result:
    """Neither the page nor the app's configuration names the domain that was replaced."""
    old = site.replaced_domain
    if not old:
        raise NotCheckedError("which domain was replaced is in the tfvars of the deployment, not known here")
    await site.need_api()
    answers = {"/": await site.good_index(), "/api/config": await site.configuration()}
    named = {path: around for path, answer in answers.items() if (around := _named(old, answer))}
    limit = f"no {old}"
    if not named:
        return passed(f"not in {' and '.join(answers)}", limit)
    path, around = next(iter(named.items()))
    return failed(
        f"named by {' and '.join(named)}",
        limit,
        reason=f"{path} still names {old}: librechat.yaml was uploaded without the replacement (inv "
        "config.push makes it), or the function runs with an older file (inv config.show tells)."
        if path != "/"
        else f"index.html names {old}: the client was built for that domain.",
        evidence=around,
    )


CHECKS = (
    Check("FR-022", "the domain leads to CloudFront", Stage.STATIC, leads_to_cloudfront, also=("FR-021",)),
    Check("FR-023", "the certificate is trusted and not about to end", Stage.STATIC, certificate),
    Check("FR-027", "the old domain is named nowhere", Stage.API, old_domain_is_gone, by_function=True),
)


def _public_name(site: Site) -> str:
    """The host of the address, when it is a name that a name server knows.

    Raises:
        NotCheckedError: for localhost and for an IP address.
    """
    host = urlsplit(site.client.base_url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host != "localhost":
            return host
    raise NotCheckedError(f"{host} is no name of the DNS")


async def _certificate(host: str, port: int) -> dict[str, Any]:
    """What the server shows, verified as browsers do.

    Raises:
        ssl.SSLCertVerificationError: when it is not trusted, or for another name.
        OSError: when there is no connection.
    """
    context = ssl.create_default_context()
    _, writer = await asyncio.wait_for(
        asyncio.open_connection(host, port, ssl=context, server_hostname=host), _HANDSHAKE_SECONDS
    )
    try:
        return dict(writer.get_extra_info("ssl_object").getpeercert())
    finally:
        writer.close()


def _named(domain: str, answer: Response) -> str:
    """Where an answer names a domain, with what stands around it; empty when it does not."""
    found = re.search(re.escape(domain), answer.text, re.IGNORECASE)
    return answer.text[max(found.start() - _AROUND, 0) : found.end() + _AROUND] if found else ""
