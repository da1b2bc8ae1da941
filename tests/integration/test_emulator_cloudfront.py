"""Distributions of the control plane: what CloudFront refuses, and what goes with them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import Emulator

pytestmark = pytest.mark.integration

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


@pytest.fixture(scope="module")
def certificate(emulator: Emulator) -> Iterator[str]:
    acm = emulator.aws.client("acm", region="us-east-1")
    arn = acm.request_certificate(DomainName="*.chat.example", ValidationMethod="DNS")["CertificateArn"]
    route53 = emulator.aws.client("route53")
    zone = route53.create_hosted_zone(Name="chat.example", CallerReference=arn)["HostedZone"]["Id"]
    options = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    validation = {
        "Name": options[0]["ResourceRecord"]["Name"],
        "Type": "CNAME",
        "TTL": 300,
        "ResourceRecords": [{"Value": options[0]["ResourceRecord"]["Value"]}],
    }

    def change(action: str) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": validation}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    change("CREATE")
    yield arn
    change("DELETE")
    route53.delete_hosted_zone(Id=zone)
    acm.delete_certificate(CertificateArn=arn)


@pytest.fixture
def cloudfront(emulator: Emulator) -> Iterator[Any]:
    client = emulator.aws.client("cloudfront")
    yield client
    for summary in client.list_distributions()["DistributionList"].get("Items", []):
        if summary["Comment"] == "cloudfront-test":
            remove(client, summary["Id"])


def remove(client: Any, distribution_id: str) -> None:
    read = client.get_distribution_config(Id=distribution_id)
    config = read["DistributionConfig"] | {"Enabled": False}
    etag = client.update_distribution(Id=distribution_id, IfMatch=read["ETag"], DistributionConfig=config)[
        "ETag"
    ]
    client.delete_distribution(Id=distribution_id, IfMatch=etag)


def config(certificate: str = "", alias: str = "", **behavior: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "CallerReference": f"{alias}{behavior}",
        "Comment": "cloudfront-test",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "api",
                    "DomainName": "abc.execute-api.eu-west-1.amazonaws.com",
                    "CustomOriginConfig": {
                        "HTTPPort": 80,
                        "HTTPSPort": 443,
                        "OriginProtocolPolicy": "https-only",
                    },
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "https-only",
            "CachePolicyId": CACHING_DISABLED,
        }
        | behavior,
    }
    if alias:
        values["Aliases"] = {"Quantity": 1, "Items": [alias]}
    if certificate:
        values["ViewerCertificate"] = {
            "ACMCertificateArn": certificate,
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
        }
    return values


def refused(cloudfront: Any, values: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as refusal:
        cloudfront.create_distribution(DistributionConfig=values)
    return str(refusal.value.response["Error"]["Code"])


def test_a_wildcard_certificate_covers_one_label(cloudfront: Any, certificate: str):
    made = cloudfront.create_distribution(DistributionConfig=config(certificate, "lambda-test.chat.example"))
    assert made["Distribution"]["DomainName"].endswith(".cloudfront.net")
    assert refused(cloudfront, config(certificate, "a.b.chat.example")) == "InvalidViewerCertificate"
    assert refused(cloudfront, config(certificate, "chat.example")) == "InvalidViewerCertificate"


def test_an_alias_needs_a_certificate_that_exists_in_us_east_1(cloudfront: Any, certificate: str):
    assert refused(cloudfront, config("", "x.chat.example")) == "InvalidViewerCertificate"
    absent = certificate[:-4] + "0000"
    assert refused(cloudfront, config(absent, "x.chat.example")) == "InvalidViewerCertificate"
    elsewhere = certificate.replace("us-east-1", "eu-west-1")
    assert refused(cloudfront, config(elsewhere, "x.chat.example")) == "InvalidViewerCertificate"


def test_an_alias_belongs_to_one_distribution(cloudfront: Any, certificate: str):
    values = config(certificate, "taken.chat.example")
    cloudfront.create_distribution(DistributionConfig=values)
    assert refused(cloudfront, values | {"CallerReference": "second"}) == "CNAMEAlreadyExists"


@pytest.mark.parametrize(
    ("behavior", "code"),
    [
        ({"TargetOriginId": "nowhere"}, "NoSuchOrigin"),
        ({"CachePolicyId": "00000000-0000-0000-0000-000000000000"}, "NoSuchCachePolicy"),
        ({"OriginRequestPolicyId": "00000000-0000-0000-0000-000000000000"}, "NoSuchOriginRequestPolicy"),
        ({"ResponseHeadersPolicyId": "00000000-0000-0000-0000-000000000000"}, "NoSuchResponseHeadersPolicy"),
        (
            {
                "FunctionAssociations": {
                    "Quantity": 1,
                    "Items": [
                        {
                            "EventType": "viewer-request",
                            "FunctionARN": "arn:aws:cloudfront::515966504419:function/absent",
                        }
                    ],
                }
            },
            "InvalidFunctionAssociation",
        ),
    ],
)
def test_a_behavior_names_only_what_exists(cloudfront: Any, behavior: dict[str, Any], code: str):
    assert refused(cloudfront, config(**behavior)) == code


def test_an_update_follows_the_same_rules(cloudfront: Any):
    made = cloudfront.create_distribution(DistributionConfig=config())
    changed = copy.deepcopy(made["Distribution"]["DistributionConfig"])
    changed["DefaultCacheBehavior"]["TargetOriginId"] = "nowhere"
    with pytest.raises(ClientError) as refusal:
        cloudfront.update_distribution(
            Id=made["Distribution"]["Id"], IfMatch=made["ETag"], DistributionConfig=changed
        )
    assert refusal.value.response["Error"]["Code"] == "NoSuchOrigin"


def test_a_function_in_use_cannot_be_deleted(cloudfront: Any):
    code = b"function handler(event) { return event.request; }"
    function = cloudfront.create_function(
        Name="used", FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=code
    )
    arn = function["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    cloudfront.publish_function(Name="used", IfMatch=function["ETag"])
    association = {"Quantity": 1, "Items": [{"EventType": "viewer-request", "FunctionARN": arn}]}
    made = cloudfront.create_distribution(DistributionConfig=config(FunctionAssociations=association))
    with pytest.raises(ClientError) as refusal:
        cloudfront.delete_function(Name="used", IfMatch=function["ETag"])
    assert refusal.value.response["Error"]["Code"] == "FunctionInUse"
    remove(cloudfront, made["Distribution"]["Id"])
    cloudfront.delete_function(Name="used", IfMatch=function["ETag"])


def test_an_edited_function_can_be_published_by_the_version_that_the_edit_answers(cloudfront: Any):
    code = b"function handler(event) { return event.request; }"
    settings = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    first = cloudfront.create_function(Name="edited", FunctionConfig=settings, FunctionCode=code)
    edited = cloudfront.update_function(
        Name="edited", IfMatch=first["ETag"], FunctionConfig=settings, FunctionCode=code + b"\n"
    )
    cloudfront.publish_function(Name="edited", IfMatch=edited["ETag"])
    live = cloudfront.get_function(Name="edited", Stage="LIVE")
    assert live["FunctionCode"].read() == code + b"\n"
    cloudfront.delete_function(Name="edited", IfMatch=edited["ETag"])


def test_the_tags_go_with_the_distribution(emulator: Emulator, cloudfront: Any):
    made = cloudfront.create_distribution_with_tags(
        DistributionConfigWithTags={
            "DistributionConfig": config(),
            "Tags": {"Items": [{"Key": "Project", "Value": "tags-test"}]},
        }
    )["Distribution"]
    tagging = emulator.aws.client("resourcegroupstaggingapi")

    def tagged() -> list[str]:
        found = tagging.get_resources(TagFilters=[{"Key": "Project", "Values": ["tags-test"]}])
        return [resource["ResourceARN"] for resource in found["ResourceTagMappingList"]]

    assert tagged() == [made["ARN"]]
    remove(cloudfront, made["Id"])
    assert tagged() == []


def headers_policy(name: str, **parts: Any) -> dict[str, Any]:
    nosniff = {"SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}}}
    return {"Name": name, "Comment": ""} | nosniff | parts


def test_a_response_headers_policy_shows_only_what_was_configured(cloudfront: Any):
    made = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=headers_policy("bare"))
    id, etag = made["ResponseHeadersPolicy"]["Id"], made["ETag"]
    shown = (
        cloudfront.get_response_headers_policy(Id=id)["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"],
        cloudfront.get_response_headers_policy_config(Id=id)["ResponseHeadersPolicyConfig"],
    )
    for config in shown:
        assert config["SecurityHeadersConfig"] == {"ContentTypeOptions": {"Override": True}}
        assert not {"CustomHeadersConfig", "RemoveHeadersConfig", "CorsConfig"} & set(config)
    cloudfront.delete_response_headers_policy(Id=id, IfMatch=etag)


def test_a_response_headers_policy_in_use_cannot_be_deleted(cloudfront: Any):
    policy = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=headers_policy("used"))
    id, etag = policy["ResponseHeadersPolicy"]["Id"], policy["ETag"]
    made = cloudfront.create_distribution(DistributionConfig=config(ResponseHeadersPolicyId=id))
    with pytest.raises(ClientError) as refusal:
        cloudfront.delete_response_headers_policy(Id=id, IfMatch=etag)
    assert refusal.value.response["Error"]["Code"] == "ResponseHeadersPolicyInUse"
    remove(cloudfront, made["Distribution"]["Id"])
    cloudfront.delete_response_headers_policy(Id=id, IfMatch=etag)


def test_a_security_header_cannot_be_set_as_a_custom_header(cloudfront: Any):
    def custom(header: str) -> dict[str, Any]:
        item = {"Header": header, "Value": "default-src 'self'", "Override": True}
        return headers_policy("custom", CustomHeadersConfig={"Quantity": 1, "Items": [item]})

    with pytest.raises(ClientError) as refusal:
        cloudfront.create_response_headers_policy(
            ResponseHeadersPolicyConfig=custom("Content-Security-Policy")
        )
    assert refusal.value.response["Error"]["Code"] == "InvalidArgument"
    made = cloudfront.create_response_headers_policy(
        ResponseHeadersPolicyConfig=custom("Content-Security-Policy-Report-Only")
    )
    cloudfront.delete_response_headers_policy(Id=made["ResponseHeadersPolicy"]["Id"], IfMatch=made["ETag"])
