"""A page of somebody else's, open in the engineer's browser while a rehearsal runs."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import chromium
from tests.integration.conftest import ACCOUNT, REGION, Emulator

pytestmark = pytest.mark.e2e

# What a page needs to know is public: the port, the account id and the names of the tfvars.
ATTACK = """
async ([aws, account, region, body]) => {
  const scope = (service) => 'AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0, '
    + `Credential=${account}/20261201/${region}/${service}/aws4_request`;
  const json = (service, target) => ({ method: 'POST', headers: { 'Authorization': scope(service),
    'X-Amz-Target': target, 'Content-Type': 'application/x-amz-json-1.1' } });
  const tries = {
    secret: [aws + '/', { ...json('ssm', 'AmazonSSM.GetParameter'),
      body: JSON.stringify({ Name: '/secret', WithDecryption: true }) }],
    create: [aws + '/2015-03-31/functions', { method: 'POST', body,
      headers: { 'Authorization': scope('lambda') } }],
    run: [aws + '/2015-03-31/functions/evil/invocations', { method: 'POST', body: '{}',
      headers: { 'Authorization': scope('lambda') } }],
    reset: [aws + '/_ministack/reset', { method: 'POST' }],
    health: [aws + '/_ministack/health', {}],
  };
  const read = {};
  for (const [name, [url, options]] of Object.entries(tries)) {
    try { read[name] = await (await fetch(url, options)).text(); } catch (error) { read[name] = `${error}`; }
  }
  // What needs no permission of CORS to be sent, and whose answer no page may read.
  for (const path of ['/_ministack/reset', '/_ministack/config', '/?Action=DeleteUser&UserName=kept']) {
    await fetch(aws + path, { method: 'POST', mode: 'no-cors', body: 'x=1' }).catch(() => {});
  }
  return read;
}
"""


@pytest.fixture
def foreign_page(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "index.html").write_text("<!doctype html><title>a page</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_it_reads_nothing_starts_nothing_and_changes_nothing(tmp_path: Path, foreign_page: str) -> None:
    code = {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}
    role = f"arn:aws:iam::{ACCOUNT}:role/x"
    body = json.dumps(
        {"FunctionName": "evil", "Runtime": "python3.11", "Handler": "i.h", "Role": role, "Code": code}
    )
    with Emulator.running(tmp_path / "aws") as emulator, chromium() as browser:
        ssm = emulator.aws.client("ssm")
        ssm.put_parameter(Name="/secret", Type="SecureString", Value="of the engineer")
        page = browser.new_page()
        page.goto(foreign_page)
        read = page.evaluate(ATTACK, [emulator.endpoint, ACCOUNT, REGION, body])
        assert read == dict.fromkeys(read, "TypeError: Failed to fetch")
        kept = ssm.get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"]
        assert kept == "of the engineer"
        assert emulator.aws.client("lambda").list_functions()["Functions"] == []
