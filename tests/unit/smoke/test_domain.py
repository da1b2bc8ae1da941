"""The domain's checks: the name, the certificate on loopback, the domain that was replaced."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts import smoke
from scripts.settings import Settings
from scripts.smoke.checks import domain
from scripts.smoke.client import Client, Response
from scripts.smoke.health import Health
from scripts.smoke.model import NotCheckedError, Status
from scripts.smoke.report import Finding
from scripts.smoke.site import Site
from tests.unit.smoke.server import SETTINGS

OLD = "genai.example.com"


def answer(body: str = "", **headers: str) -> Response:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(
        "GET", "https://chat.example.com/", 200, (*lines, ("content-type", "text/html")), body.encode()
    )


class Prepared(Site):
    """A site whose answers are there already."""

    def __init__(self, url: str, *, index: Response, config: Response | None = None, old: str = OLD) -> None:
        super().__init__(Client(url, timeout=60), SETTINGS, {"a": "b"}, replaced_domain=old)
        self._index, self._config = index, config or answer()

    async def index(self) -> Response:
        return self._index

    async def configuration(self) -> Response:
        return self._config

    async def health(self) -> Health:
        return Health(True, answer(), "", 1, 0.1)


@pytest.mark.parametrize(
    ("headers", "measured"),
    [
        ({"x_amz_cf_pop": "DUB56-P1"}, "CloudFront, edge location DUB56-P1"),
        ({"via": "1.1 abc.cloudfront.net (CloudFront)"}, "CloudFront"),
    ],
)
async def test_a_name_that_cloudfront_answers_passes(headers: dict[str, str], measured: str) -> None:
    site = Prepared("https://chat.example.com", index=answer(**headers))
    assert (await domain.leads_to_cloudfront(site)).measured == measured


async def test_a_name_that_somebody_else_answers_points_at_the_record() -> None:
    site = Prepared("https://chat.example.com", index=answer(server="nginx"))
    result = await domain.leads_to_cloudfront(site)
    assert result.status is Status.FAILED
    assert result.measured == "nginx" and "Route 53" in result.reason


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "192.0.2.1"])
async def test_an_address_without_a_name_leads_nowhere(host: str) -> None:
    with pytest.raises(NotCheckedError, match="no name of the DNS"):
        await domain.leads_to_cloudfront(Prepared(f"http://{host}:1", index=answer()))


async def test_the_old_domain_in_the_configuration_points_at_librechat_yaml() -> None:
    config = answer(f'{{"customFooter": "[privacy](https://{OLD.upper()}/privacy)"}}')
    result = await domain.old_domain_is_gone(Prepared("http://x", index=answer(), config=config))
    assert "config.push" in result.reason
    assert f"https://{OLD.upper()}/privacy" in result.evidence


async def test_the_old_domain_in_the_page_points_at_the_build() -> None:
    page = answer(f'<script src="https://{OLD}/x.js">')
    result = await domain.old_domain_is_gone(Prepared("http://x", index=page))
    assert "the client was built for that domain" in result.reason


async def test_a_deployment_that_names_only_its_own_domain_passes() -> None:
    result = await domain.old_domain_is_gone(Prepared("http://x", index=answer("https://chat.example.com")))
    assert result.ok and result.limit == f"no {OLD}"


async def test_without_the_tfvars_the_old_domain_is_not_known() -> None:
    with pytest.raises(NotCheckedError, match="tfvars"):
        await domain.old_domain_is_gone(Prepared("http://x", index=answer(), old=""))


@asynccontextmanager
async def serving(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, days: int
) -> AsyncIterator[str]:
    """A TLS server with a certificate for `name` that this process trusts."""
    key, crt = directory / "key.pem", directory / "crt.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(key), "-out", str(crt), "-days", str(days), "-subj", "/CN=test",
            "-addext", f"subjectAltName=DNS:{name}"]  # fmt: skip
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(crt))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield f"https://localhost:{listener.sockets[0].getsockname()[1]}"


async def test_a_trusted_certificate_is_shown_with_its_names_and_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, monkeypatch, "localhost", 90) as url:
        result = await domain.certificate(Prepared(url, index=answer()))
    assert result.ok, result
    assert result.measured in ("localhost: 89 days left", "localhost: 90 days left")


@pytest.mark.parametrize(
    ("lifetime", "left", "good"),
    [(395, 31, True), (395, 29, False), (90, 29, True), (90, 23, True), (90, 22, False), (6, 2, True)],
)
def test_a_certificate_is_due_by_what_is_left_of_its_lifetime(lifetime: int, left: int, good: bool) -> None:
    end = ssl.cert_time_to_seconds("Jan  1 00:00:00 2030 GMT")
    begin = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(end - lifetime * 86400))
    shown = {"notBefore": begin, "notAfter": "Jan  1 00:00:00 2030 GMT"}
    result = domain.judged(shown, end - left * 86400)
    assert result.ok is good
    assert good or "ACM has not renewed" in result.reason


async def test_a_certificate_of_another_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, monkeypatch, "other.example.com", 90) as url:
        result = await domain.certificate(Prepared(url, index=answer()))
    assert result.measured == "not trusted"
    assert "viewer_certificate" in result.reason


async def test_an_address_without_a_trusted_certificate_fails_for_that_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default_settings: Settings
) -> None:
    told: list[Finding] = []
    async with serving(tmp_path, monkeypatch, "other.example.com", 90) as url:
        subject = smoke.subject_at(url, default_settings)
        options = smoke.Options(only=("US1.1", "SC-004"))
        report = await asyncio.to_thread(smoke.check, subject, options, told.append)
    first, *rest = report.findings
    assert (first.id, first.result.status, first.result.measured) == ("FR-023", Status.FAILED, "not trusted")
    assert {finding.id for finding in rest} == {"US1.1", "SC-004", "US2.3"}
    assert {finding.result.reason for finding in rest} == {"the certificate is not trusted (FR-023)"}
    assert tuple(told) == report.findings


async def test_where_nobody_speaks_tls_there_is_no_certificate_to_judge() -> None:
    with pytest.raises(NotCheckedError, match="no TLS connection"):
        await domain.certificate(Prepared("https://127.0.0.1:1", index=answer()))
    with pytest.raises(NotCheckedError, match="not an https address"):
        await domain.certificate(Prepared("http://127.0.0.1:1", index=answer()))
