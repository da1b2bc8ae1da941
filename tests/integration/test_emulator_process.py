"""The control plane as a process: start, port, state, end."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration


def test_a_taken_port_is_named_on_stderr_and_ends_with_status_1(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            Emulator(tmp_path, port).command(), capture_output=True, text=True, timeout=120, check=False
        )
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr and "Address already in use" in result.stderr
    assert result.stdout == ""


def test_it_listens_on_loopback_only(emulator: Emulator):
    process = psutil.Process(emulator.process.pid)
    addresses = {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}


def test_sigterm_saves_everything_and_a_second_start_finds_it(tmp_path: Path):
    emulator = Emulator(tmp_path)
    emulator.start()
    s3, ssm = emulator.aws.client("s3"), emulator.aws.client("ssm")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="kept", Key="a/b.txt", Body=b"hello", CacheControl="no-cache", ContentType="text/x")
    ssm.put_parameter(Name="/kept", Type="SecureString", Value="secret")
    generation = emulator.generation.current()
    assert emulator.stop() == 0
    emulator.start()
    try:
        read = s3.get_object(Bucket="kept", Key="a/b.txt")
        assert (read["Body"].read(), read["CacheControl"], read["ContentType"]) == (
            b"hello",
            "no-cache",
            "text/x",
        )
        assert ssm.get_parameter(Name="/kept", WithDecryption=True)["Parameter"]["Value"] == "secret"
        assert emulator.generation.current() == generation
    finally:
        assert emulator.stop() == 0


def test_it_ends_when_its_parent_is_killed(tmp_path: Path):
    command = Emulator(tmp_path).command()
    script = (
        "import json, subprocess, sys\n"
        "child = subprocess.Popen(json.loads(sys.argv[1]), stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, json.dumps(command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        child = psutil.Process(int(parent.stdout.readline().split()[0]))
        parent.kill()
        child.wait(120)
    assert not child.is_running()


def test_every_change_of_the_architecture_starts_a_generation_and_no_read_does(emulator: Emulator):
    ec2, cloudfront = emulator.aws.client("ec2"), emulator.aws.client("cloudfront")
    seen = [emulator.generation.current()]

    def changed() -> bool:
        seen.append(emulator.generation.current())
        return seen[-1] != seen[-2]

    group = ec2.create_security_group(GroupName="generation", Description="x")["GroupId"]
    assert changed()
    ec2.describe_security_groups(GroupIds=[group])
    cloudfront.list_distributions()
    assert not changed()
    ec2.delete_security_group(GroupId=group)
    assert changed()
    with pytest.raises(ec2.exceptions.ClientError):
        ec2.delete_security_group(GroupId=group)
    assert not changed()


def test_credentials_of_the_caller_do_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSES00")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody-elses")
    with Emulator.running(tmp_path) as emulator:
        caller = emulator.aws.client("sts").get_caller_identity()
        assert caller["Arn"] == "arn:aws:iam::515966504419:root"
        with pytest.raises(ClientError):
            emulator.as_key("AKIASOMEBODYELSES00", "x", "somebody-elses").client("s3").list_buckets()
