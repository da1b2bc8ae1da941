"""Credentials: what the checks ask with them, and what they are found to lack."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from scripts import preflight
from scripts.aws import Aws
from scripts.preflight import Status
from scripts.target import Target
from tests.integration.conftest import ACCOUNT
from tests.integration.doctor.place import OTHER, Place, check, only_failed

pytestmark = pytest.mark.integration

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
"""A statement of a policy."""


def test_no_secret_is_read(place: Place) -> None:
    denied = {"Effect": "Deny", "Action": ["ssm:GetParameter*", "kms:Decrypt"], "Resource": "*"}
    deployer = place.user("blind", EVERYTHING, denied)
    with pytest.raises(ClientError, match="explicit deny"):
        deployer.client("ssm").get_parameter(Name="/ecs/genai/mongo/DB_URI")
    report = place.doctor(deployer)
    assert not report.failed
    assert check(report, "SSM parameters").status is Status.OK
    assert check(report, "permissions").status is Status.OK


def test_nothing_is_made_or_changed(place: Place) -> None:
    writes = ["*:Create*", "*:Put*", "*:Update*", "*:Modify*", "*:Delete*", "*:Change*", "*:Attach*"]
    reader = place.user(
        "reader", EVERYTHING, *({"Effect": "Deny", "Action": action, "Resource": "*"} for action in writes)
    )
    # IAM's simulation says rightly that this user could not deploy; everything else is as before.
    assert {found.name for found in place.doctor(reader).failed} == {"permissions"}
    # Nor need they for a plan.
    assert not preflight.references(place.settings, Target("local", {}, reader), to_deploy=False).failed


def test_credentials_of_another_account_end_all_questions(place: Place) -> None:
    report = place.doctor(place.emulator.as_account(OTHER))
    broken = only_failed(report, "account")
    assert f"belong to account {OTHER}, the settings to {ACCOUNT}" in broken.found
    assert "INVOKE_AWS_PROFILE" in broken.remedy
    assert check(report, "VPC").found == "needs account, which failed"


def test_what_the_credentials_may_not_ask_is_not_checked_and_says_so(place: Place) -> None:
    nobody = place.user("nobody", {"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    report = place.doctor(nobody)
    vpc = check(report, "VPC")
    assert vpc.status is Status.NOT_CHECKED
    assert vpc.found == "these credentials may not call DescribeVpcs"
    assert "may not read s3://" in check(report, "librechat.yaml").found
    assert check(report, "subnets").found == "needs VPC, which was not checked"
    assert check(report, "CloudFront distributions").status is Status.NOT_CHECKED
    # A bucket that we may not even look at could be anybody's.
    assert {found.name for found in report.failed} <= {"state", "bucket names"}


def test_a_role_that_may_not_deploy_is_told_what_it_lacks(place: Place) -> None:
    iam = place.aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(
        RoleName="deployer",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    statements = [
        EVERYTHING,
        {"Effect": "Deny", "Action": ["lambda:CreateFunction", "iam:PassRole"], "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=document)
    ann = place.user("ann", EVERYTHING)
    session = ann.client("sts").assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    deployer = place.emulator.as_key(
        session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    )
    broken = only_failed(place.doctor(deployer), "permissions")
    assert "lambda:CreateFunction (the function)" in broken.found
    assert "iam:PassRole (the function's role)" in broken.found
    function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:librechat-lambda-api-dev"
    assert f"Allow lambda:CreateFunction on {function}" in broken.remedy


def test_an_aws_that_never_answers_leaves_everything_but_the_machine_unchecked(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local"}
        aws = Aws(region="eu-west-1", environment={**keys, "AWS_ENDPOINT_URL": endpoint})
        settings = replace(place.settings, target="aws")
        report = preflight.everything(settings, Target("aws", {}, aws), patience=3)
    account = check(report, "account")
    assert account.status is Status.FAILED
    assert account.remedy == "Check the network and the proxy settings."
    asking = [found for found in report.checks if found.found == "needs account, which failed"]
    assert len(asking) > 10
    assert check(report, "disk").status is Status.OK
