from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from scripts.aws import Aws
from scripts.local.lambda_.logs import LogSink, OutputPipe
from tests.unit.local.lambda_.waiting import until

pytestmark = pytest.mark.integration


class CloudWatch:
    """CloudWatch Logs as far as a writer sees it; `refusing` makes it fail."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str], list[str]] = {}
        self.refusing = False

    async def handle(self, request: web.Request) -> web.Response:
        action = request.headers["X-Amz-Target"].partition(".")[2]
        body: dict[str, Any] = json.loads(await request.read())
        if self.refusing:
            return web.json_response({"__type": "ResourceNotFoundException", "message": "gone"}, status=400)
        if action == "CreateLogGroup":
            return web.json_response({"__type": "ResourceAlreadyExistsException", "message": ""}, status=400)
        if action == "PutLogEvents":
            key = (body["logGroupName"], body["logStreamName"])
            self.events.setdefault(key, []).extend(event["message"] for event in body["logEvents"])
        return web.json_response({})


@pytest_asyncio.fixture
async def cloudwatch() -> AsyncIterator[tuple[CloudWatch, Aws]]:
    service = CloudWatch()
    app = web.Application()
    app.router.add_post("/", service.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield (
        service,
        Aws(
            region="eu-west-1",
            environment={
                "AWS_ACCESS_KEY_ID": "515966504419",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            },
        ),
    )
    await runner.cleanup()


async def test_lines_go_to_cloudwatch_and_to_the_file(
    cloudwatch: tuple[CloudWatch, Aws], tmp_path: Path
) -> None:
    service, aws = cloudwatch
    sink = LogSink(aws, tmp_path / "logs/lambda.log")
    stream = sink.open("/aws/lambda/f", "$LATEST")
    stream.write("one")
    stream.write("two")
    await sink.close()

    assert service.events == {("/aws/lambda/f", stream.name): ["one", "two"]}
    assert "[$LATEST]" in stream.name
    assert (tmp_path / "logs/lambda.log").read_text().count("\n") == 2


async def test_a_log_group_that_is_gone_is_not_created_again(
    cloudwatch: tuple[CloudWatch, Aws], tmp_path: Path
) -> None:
    service, aws = cloudwatch
    sink = LogSink(aws, tmp_path / "lambda.log")
    stream = sink.open("/aws/lambda/f", "$LATEST")
    stream.write("before")
    await sink.flush()
    service.refusing = True
    stream.write("lost")
    await sink.flush()
    service.refusing = False
    await sink.close()

    assert service.events == {("/aws/lambda/f", stream.name): ["before"]}


async def test_closing_in_the_middle_of_a_batch_sends_each_line_once(
    cloudwatch: tuple[CloudWatch, Aws], tmp_path: Path
) -> None:
    service, aws = cloudwatch
    sink = LogSink(aws, tmp_path / "lambda.log")
    stream = sink.open("/aws/lambda/f", "$LATEST")
    stream.write("one")
    flushing = asyncio.create_task(sink.flush())
    await asyncio.sleep(0)
    await sink.close()
    await flushing

    assert list(service.events.values()) == [["one"]]


async def test_draining_takes_all_that_was_written_before(
    cloudwatch: tuple[CloudWatch, Aws], tmp_path: Path
) -> None:
    sink = LogSink(cloudwatch[1], tmp_path / "lambda.log")
    stream = sink.open("/aws/lambda/f", "$LATEST")
    pipe = OutputPipe(stream)
    os.write(pipe.writer, b"one\ntw")
    pipe.drain()
    stream.write("END")
    os.write(pipe.writer, b"o\nmulti\rline\nunfinished")
    pipe.release_writer()
    pipe.close()
    await sink.close()


async def test_output_is_taken_up_without_being_asked_for(
    cloudwatch: tuple[CloudWatch, Aws], tmp_path: Path
) -> None:
    file = tmp_path / "lambda.log"
    sink = LogSink(cloudwatch[1], file)
    pipe = OutputPipe(sink.open("/aws/lambda/f", "$LATEST"))
    os.write(pipe.writer, b"line\n")
    await until(file.exists)
    pipe.release_writer()
    pipe.close()
    await sink.close()
