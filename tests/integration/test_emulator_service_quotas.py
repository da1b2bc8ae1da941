"""Service Quotas of the embedded AWS: the defaults of a fresh account."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("operation", ["get_service_quota", "get_aws_default_service_quota"])
def test_a_quota_that_nobody_raised_is_the_default(emulator: Emulator, operation: str) -> None:
    quotas = emulator.aws.client("service-quotas")
    quota = getattr(quotas, operation)(ServiceCode="vpc", QuotaCode="L-0EA8095F")["Quota"]
    assert quota["Value"] == 60
    assert quota["QuotaName"] == "Inbound or outbound rules per security group"


def test_an_unknown_quota_is_a_missing_resource(emulator: Emulator) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.aws.client("service-quotas").get_service_quota(ServiceCode="vpc", QuotaCode="L-0")
    assert refused.value.response["Error"]["Code"] == "NoSuchResourceException"


def test_iam_decides_who_may_ask(emulator: Emulator) -> None:
    iam = emulator.aws.client("iam")
    iam.create_user(UserName="curious")
    key = iam.create_access_key(UserName="curious")["AccessKey"]
    curious = emulator.as_key(key["AccessKeyId"], key["SecretAccessKey"]).client("service-quotas")
    asked = {"ServiceCode": "vpc", "QuotaCode": "L-0EA8095F"}
    with pytest.raises(ClientError) as refused:
        curious.get_service_quota(**asked)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    allow = {"Effect": "Allow", "Action": "servicequotas:GetServiceQuota", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="curious", PolicyName="ask", PolicyDocument=document)
    assert curious.get_service_quota(**asked)["Quota"]["Value"] == 60
