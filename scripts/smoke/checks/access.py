"""What must not be reachable: the buckets around CloudFront, what they keep, and old TLS versions."""

from __future__ import annotations

import asyncio
import ssl
import warnings

from scripts.frontend.releases import INDEX
from scripts.smoke import diagnosis
from scripts.smoke.evidence import evidence
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, passed
from scripts.smoke.site import Site


async def frontend_bucket(site: Site) -> Result:
    """The frontend's objects are readable through CloudFront only."""
    return await _refused(site, "frontend_bucket", "index.html")


async def kept_releases(site: Site) -> Result:
    """What the bucket keeps for a rollback is not for visitors, not even through CloudFront."""
    answer = await site.client.fetch(f"/{INDEX}")
    limit = "403 or 404"
    if answer.status in (403, 404):
        return passed(str(answer.status), limit)
    return failed(
        str(answer.status),
        limit,
        reason="Visitors get what is kept for a rollback: the bucket policy lacks the statement that denies "
        "CloudFront the objects below _releases/.",
        evidence=evidence(answer, body=False),
    )


async def files_bucket(site: Site) -> Result:
    """The users' files cannot be listed by strangers."""
    return await _refused(site, "files_bucket", "")


async def execute_api(site: Site) -> Result:
    """API Gateway's own address, which anybody can find, leads to nothing: CloudFront's mark is missing.

    Around CloudFront a caller would choose what X-Forwarded-For says, and with it the client address.
    """
    await site.need_api()
    url, headers = site.execute_api_url("/api/health")
    limit = "403, with a forged x-origin-key, too"
    for forged in ({}, {"x-origin-key": "forged"}):
        answer = await site.client.fetch(url, headers=headers | forged)
        if answer.status != 403:
            served = answer.status == 200 and not diagnosis.is_html(answer)
            return failed(
                str(answer.status),
                limit,
                reason="The API answers around CloudFront: the function has no ORIGIN_KEY_HASHES, or its "
                "handler is older than this check."
                if served
                else f"{diagnosis.explain_api(answer)} Around CloudFront 403 is due.",
                evidence=evidence(answer),
            )
    return passed("403, 403", limit)


async def tls_version(site: Site) -> Result:
    """TLS 1.2 or newer is required."""
    host, port = site.need_https()
    limit = "TLS 1.2 or newer"
    version = await _handshake(host, port, newest=ssl.TLSVersion.TLSv1_3)
    if version not in ("TLSv1.2", "TLSv1.3"):
        return failed(version or "no handshake", limit, reason="No handshake with TLS 1.2 or 1.3 came about.")
    old = await _handshake(host, port, newest=ssl.TLSVersion.TLSv1_1)
    if not old:
        return passed(f"{version}, 1.1 refused", limit)
    return failed(
        f"{version}, but also {old}",
        limit,
        reason="The distribution accepts TLS 1.1: minimum_protocol_version of viewer_certificate must "
        "be TLSv1.2_2021 or newer.",
    )


async def https_redirect(site: Site) -> Result:
    """Plain HTTP is redirected to HTTPS."""
    host, _ = site.need_https()
    answer = await site.client.fetch(f"http://{host}/")
    location = answer.header("location")
    measured = f"{answer.status} {location}".strip()
    if answer.status in (301, 308) and location.startswith("https://"):
        return passed(measured, "301 to https")
    return failed(
        measured,
        "301 to https",
        reason="viewer_protocol_policy of the default behavior is not redirect-to-https.",
        evidence=evidence(answer),
    )


CHECKS = (
    Check("FR-014", "the frontend bucket is closed around CloudFront", Stage.STATIC, frontend_bucket),
    Check("FR-014", "releases kept for a rollback are not served", Stage.STATIC, kept_releases),
    Check("FR-031", "the file bucket is closed", Stage.STATIC, files_bucket),
    Check("US3.2", "the API is closed around CloudFront", Stage.API, execute_api, by_function=True),
    Check("FR-021", "TLS 1.2 or newer", Stage.STATIC, tls_version),
    Check("FR-021", "plain HTTP redirects to HTTPS", Stage.STATIC, https_redirect),
)


async def _refused(site: Site, output: str, key: str) -> Result:
    bucket = site.need_output(output)
    answer = await site.client.fetch(site.object_url(bucket, key))
    if answer.status == 403:
        return passed("403", "403")
    if answer.status == 200:
        reason = (
            f"Anybody can read s3://{bucket}/{key} without CloudFront: the bucket policy is open to "
            "others than the distribution, or the public access block is off."
        )
    elif answer.status == 404:
        reason = (
            f"S3 says that s3://{bucket}/{key} does not exist, which strangers must not learn (403 is due)."
        )
    else:
        reason = (
            f"S3 answered {answer.status} for s3://{bucket}/{key}: is {output} the right bucket and region?"
        )
    return failed(
        str(answer.status), "403", reason=reason, evidence=evidence(answer, body=answer.status != 200)
    )


async def _handshake(host: str, port: int, *, newest: ssl.TLSVersion) -> str:
    """The TLS version that a handshake settles on, empty when the server refuses, which it does by an alert.

    The certificate is not looked at: every other check verifies it.

    Raises:
        NotCheckedError: when this machine's OpenSSL cannot speak so old a version, or when the server says
            neither yes nor no: behind a proxy there is no way to it, and silence proves nothing.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        # Python deprecates asking for TLS 1.1, which is just what has to be tried.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = newest
    # OpenSSL 3 refuses TLS 1.1 itself at its default security level; the question is what they refuse.
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=context, server_hostname=host), timeout=10
        )
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "ALERT" in reason or (reason == "UNSUPPORTED_PROTOCOL" and newest > ssl.TLSVersion.TLSv1_2):
            return ""
        if reason in ("NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "UNSUPPORTED_PROTOCOL"):
            raise NotCheckedError("this machine's OpenSSL does not speak TLS 1.1") from error
        raise NotCheckedError(f"no TLS handshake without a proxy: {error}") from error
    except (OSError, TimeoutError) as error:
        raise NotCheckedError(f"no TLS connection without a proxy: {error or 'no answer'}") from error
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    return str(version)
