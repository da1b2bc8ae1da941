"""Runs the checks: what disturbs nobody side by side, what needs quiet at the end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx

from scripts.errors import DeployError, ExitStatus
from scripts.smoke.evidence import describe, no_answer
from scripts.smoke.model import Check, NotCheckedError, Result, Stage, failed, not_checked
from scripts.smoke.report import Finding
from scripts.smoke.site import Site

_CONNECT_PAUSE_SECONDS = 2.0


async def run_checks(
    site: Site,
    checks: Iterable[Check],
    finished: Callable[[Finding], None],
    *,
    others: Iterable[Check] = (),
) -> tuple[Finding, ...]:
    """Run the checks and return what they found, in their order.

    First the page is loaded with nothing beside it. Then everything that does not touch the function runs
    side by side, and beside that the checks of the API one after the other, which keeps them on one warm
    environment; then the streams, and at last what is heavy.

    A check that could not run for want of something another one shows is worth nothing without that one:
    where it was left out it is run all the same, and comes first.

    Args:
        site: The deployment.
        checks: What to run.
        finished: Called with every finding as it comes.
        others: The checks that were left out.
    """
    findings: dict[int, Finding] = {}
    numbered = list(enumerate(checks))

    async def look(check: Check) -> Finding:
        start = time.perf_counter()
        result = await _result(site, check)
        finding = Finding.of(check, result, time.perf_counter() - start)
        finished(finding)
        return finding

    async def run(number: int, check: Check) -> None:
        findings[number] = await look(check)

    of = {stage: [item for item in numbered if item[1].stage is stage] for stage in Stage}

    async def one_after_the_other() -> None:
        if of[Stage.API]:
            with contextlib.suppress(httpx.HTTPError):
                await site.health()  # or its cold start would count for the first of them
        for item in of[Stage.API]:
            await run(*item)

    for item in of[Stage.PAGE]:
        await run(*item)
    # The account is asked now, so that it is not while streams are measured.
    await asyncio.gather(site.deployed(), one_after_the_other(), *(run(*item) for item in of[Stage.STATIC]))
    await asyncio.gather(*(run(*item) for item in of[Stage.STREAM]))
    for item in of[Stage.HEAVY]:
        await run(*item)
    needed = [await look(check) for check in others if check.shows in site.lacking]
    return (*needed, *(findings[number] for number, _ in numbered))


async def reach(make_site: Callable[[], Site], *, patience: float) -> Site:
    """A site whose base URL answers at all.

    Args:
        make_site: Makes a fresh site; called again for each try.
        patience: Seconds to go on trying: a new DNS record is not known everywhere at once.

    Raises:
        ssl.SSLCertVerificationError: when its certificate is not trusted, which waiting does not help.
        DeployError: when nothing listens there.
    """
    deadline = time.monotonic() + patience
    while True:
        site = make_site()
        try:
            await site.index()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            for cause in _causes(error):
                if isinstance(cause, ssl.SSLCertVerificationError):
                    raise cause from error
            if time.monotonic() + _CONNECT_PAUSE_SECONDS > deadline:
                raise _unreachable(site, error) from error
            await asyncio.sleep(_CONNECT_PAUSE_SECONDS)
        except httpx.HTTPError:
            return site  # Something listens. The check of index.html says what is wrong with it.
        else:
            return site


async def _result(site: Site, check: Check) -> Result:
    try:
        return await check.run(site)
    except NotCheckedError as skipped:
        if skipped.lacks:
            site.lacking.add(skipped.lacks)
        return not_checked(str(skipped))
    except httpx.HTTPError as error:
        return failed("no answer", reason=no_answer(error), evidence=_request_line(error))
    except Exception as error:  # one broken check must not take the others' findings along
        return failed(
            "the check itself broke",
            reason=f"The deployment gave an answer that this check was not made for, which is a bug of the "
            f"check: {describe(error)}.",
            evidence="\n".join(_frames(error)),
        )


def _frames(error: Exception) -> Iterator[str]:
    """Where it happened, without paths of this machine: a report is shown to others."""
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _request_line(error: httpx.HTTPError) -> str:
    try:
        return f"{error.request.method} {error.request.url}"
    except RuntimeError:  # httpx raises it when the error knows no request.
        return ""


def _unreachable(site: Site, error: httpx.HTTPError) -> DeployError:
    url = site.client.base_url
    return DeployError(
        f"Nothing answers at {url}",
        describe(error),
        "Look at `inv local.status`; `inv local.up` starts the embedded AWS."
        if site.endpoint
        else "Check the address, and the proxy settings of this machine."
        if not site.outputs
        else "A new DNS record takes minutes to be known everywhere: run `inv smoke` again. Else look at the "
        "Route 53 record and at the proxy settings of this machine.",
        status=ExitStatus.SMOKE_FAILED,
    )
