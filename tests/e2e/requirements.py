"""Every requirement of the specification, and the assertion that shows it.

A requirement is shown by what was really deployed: the plan of the deployed stack (its
configuration and its applied values), the order in which Terraform worked, the smoke report, and
for a few rules of the container the files that go into the image. `IDS` is the specification's own
list; `test_requirements.py` fails for an id without an assertion.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scripts.local.seed import librechat_config
from tests.e2e.evidence import Evidence

ROOT = Path(__file__).parent.parent.parent

IDS = (
    *(f"FR-{number:03}" for number in range(1, 29)),
    "FR-028a",
    *(f"FR-{number:03}" for number in range(29, 43)),
    *(f"SC-{number:03}" for number in range(1, 7)),
)

REQUIREMENTS: dict[str, Callable[[Evidence], None]] = {}


def shows(id: str) -> Callable[[Callable[[Evidence], None]], Callable[[Evidence], None]]:
    """Enter an assertion under the requirement that it shows."""

    def enter(assertion: Callable[[Evidence], None]) -> Callable[[Evidence], None]:
        assert id not in REQUIREMENTS, f"{id} is shown twice"
        REQUIREMENTS[id] = assertion
        return assertion

    return enter


# Frontend


@shows("FR-001")
def terraform_builds_and_uploads_the_client(e: Evidence) -> None:
    created = e.order("deploy", "create")
    assert "module.frontend.terraform_data.client" in created
    e.check("US1.1")


@shows("FR-002")
def the_client_bucket_is_unversioned_and_emptied_on_destroy(e: Evidence) -> None:
    assert e.one("aws_s3_bucket", bucket="frontend")["force_destroy"] is True
    versioning = e.one("aws_s3_bucket_versioning", bucket="frontend")
    assert versioning["versioning_configuration"][0]["status"] != "Enabled"


@shows("FR-003")
def deep_links_get_the_client_without_touching_api_errors(e: Evidence) -> None:
    default = e.distribution()["default_cache_behavior"][0]
    assert [f["event_type"] for f in default["function_association"]] == ["viewer-request"]
    errors = e.distribution()["custom_error_response"]
    assert not any(error["response_page_path"] for error in errors), (
        "distribution-wide: API errors would become 200"
    )
    kept = {error["error_code"]: error["error_caching_min_ttl"] for error in errors}
    assert kept.items() >= dict.fromkeys((404, 500, 502, 503, 504), 0).items(), (
        "CloudFront would keep an error"
    )
    e.check("FR-003")


@shows("FR-004")
def the_distribution_comes_from_the_public_module(e: Evidence) -> None:
    assert "terraform-aws-modules/cloudfront/aws" in e.calls()


@shows("FR-005")
def buckets_come_from_the_public_module(e: Evidence) -> None:
    assert "terraform-aws-modules/s3-bucket/aws" in e.calls()
    assert all(re.search(r"module\.(bucket|files)\.", a) for a in e.addresses("aws_s3_bucket"))


# Backend


@shows("FR-006")
def the_image_starts_from_the_librechat_api_image(e: Evidence) -> None:
    base = "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1"
    # The rehearsal packs the stand-in app in its place; the configuration's own value is the real one.
    assert e.plan["configuration"]["root_module"]["variables"]["base_image"]["default"] == base
    assert f"ARG BASE_IMAGE={base}" in (ROOT / "container" / "Dockerfile").read_text()


@shows("FR-007")
def the_image_runs_the_runtime_interface_client(e: Evidence) -> None:
    package = json.loads((ROOT / "container" / "package.json").read_text())
    assert package["dependencies"]["aws-lambda-ric"] == "3.3.0"
    assert "aws-lambda-ric" in (ROOT / "container" / "Dockerfile").read_text()
    assert e.function()["package_type"] == "Image"


@shows("FR-008")
def the_handler_speaks_the_streaming_schema(e: Evidence) -> None:
    e.check("FR-008")
    e.check("SC-004")


@shows("FR-009")
def the_api_is_a_regional_rest_api(e: Evidence) -> None:
    api = e.one("aws_api_gateway_rest_api")
    assert api["endpoint_configuration"][0]["types"] == ["REGIONAL"]
    assert not e.resources("aws_apigatewayv2_api")
    e.check("FR-009")


@shows("FR-010")
def the_integration_is_a_streaming_lambda_proxy(e: Evidence) -> None:
    for integration in e.integrations():
        assert integration["type"].upper() == "AWS_PROXY"
        assert integration["responseTransferMode"] == "STREAM"
        assert integration["uri"].endswith("/response-streaming-invocations")
        assert integration["timeoutInMillis"] == 900_000
    e.check("FR-010")


@shows("FR-011")
def there_is_one_stage_and_the_distribution_hides_it(e: Evidence) -> None:
    assert e.one("aws_api_gateway_stage")["stage_name"] == "default"
    assert [o["origin_path"] for o in e.distribution()["origin"] if o["custom_origin_config"]] == ["/default"]


@shows("FR-012")
def the_repository_is_deleted_with_its_images(e: Evidence) -> None:
    assert e.one("aws_ecr_repository")["force_delete"] is True


# Routing


def _behaviors(e: Evidence) -> dict[str, Mapping[str, Any]]:
    return {b["path_pattern"]: b for b in e.distribution()["ordered_cache_behavior"]}


@shows("FR-013")
def api_paths_go_to_api_gateway(e: Evidence) -> None:
    origins = {o["origin_id"]: o["domain_name"] for o in e.distribution()["origin"]}
    assert ".execute-api." in origins[_behaviors(e)["/api/*"]["target_origin_id"]]
    e.check("FR-013")


@shows("FR-014")
def everything_else_goes_to_the_client_bucket(e: Evidence) -> None:
    origins = {o["origin_id"]: o["domain_name"] for o in e.distribution()["origin"]}
    assert ".s3." in origins[e.distribution()["default_cache_behavior"][0]["target_origin_id"]]
    # /oauth/*, LibreChat's OpenID login, is the one addition; see the README.
    assert set(_behaviors(e)) == {"/api/*", "/oauth/*"}
    e.check("FR-014")


@shows("FR-015")
def api_responses_are_never_cached(e: Evidence) -> None:
    caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert {b["cache_policy_id"] for b in _behaviors(e).values()} == {caching_disabled}
    e.check("FR-015")


# Infrastructure


@shows("FR-016")
def one_apply_made_everything(e: Evidence) -> None:
    created = e.order("deploy", "create")
    assert {"module.backend.terraform_data.image", "module.frontend.terraform_data.client"} <= created.keys()


@shows("FR-017")
def the_newest_public_modules_are_called(e: Evidence) -> None:
    assert e.calls() == {
        "terraform-aws-modules/cloudfront/aws": "6.6.0",
        "terraform-aws-modules/s3-bucket/aws": "5.15.4",
        "terraform-aws-modules/elasticache/aws": "1.10.3",
        "terraform-aws-modules/ecr/aws": "3.2.0",
        "terraform-aws-modules/lambda/aws": "8.8.1",
    }


@shows("FR-018")
def api_gateway_is_native(e: Evidence) -> None:
    for kind in ("rest_api", "deployment", "stage"):
        (address,) = e.addresses(f"aws_api_gateway_{kind}")
        assert address.startswith(f"module.api.aws_api_gateway_{kind}.")


@shows("FR-019")
def security_group_rules_come_after_and_go_before_what_they_serve(e: Evidence) -> None:
    served = [*e.addresses("aws_lambda_function"), *e.addresses("aws_elasticache_replication_group")]
    rules = [
        *e.addresses("aws_vpc_security_group_ingress_rule"),
        *e.addresses("aws_vpc_security_group_egress_rule"),
    ]
    assert len(served) == 2
    assert len(rules) >= 5
    created, destroyed = e.order("deploy", "create"), e.order("destroy", "delete")
    function = served[0]
    for rule in rules:
        owners = served if "redis" in rule else [function]
        for owner in owners:
            assert created[rule][0] > created[owner][1], f"{rule} began before {owner} was there"
            assert destroyed[rule][1] < destroyed[owner][0], f"{rule} outlived the start of {owner}'s end"


@shows("FR-020")
def the_function_lives_in_the_vpc(e: Evidence) -> None:
    network = e.function()["vpc_config"][0]
    assert set(network["subnet_ids"]) == set(e.plan["variables"]["private_subnet_ids"]["value"])
    assert set(network["security_group_ids"]) == {e.group("function")}
    ports = {r["from_port"] for r in e.resources("aws_vpc_security_group_egress_rule")}
    assert {443, 6379, 27017, 4000, 8080, 8000, 7700, 3002} <= ports
    shared = e.plan["variables"]["security_group_ids"]["value"]["shared_services"]
    into = {
        r["from_port"]
        for r in e.resources("aws_vpc_security_group_ingress_rule")
        if r["security_group_id"] == shared
    }
    assert {4000, 8080, 8000, 7700, 3002} <= into


# Domain


@shows("FR-021")
def the_distribution_answers_to_the_custom_domain(e: Evidence) -> None:
    assert e.distribution()["aliases"] == ["lambda-test.sandbox.data.apro.is"]


@shows("FR-022")
def an_alias_record_points_to_the_distribution(e: Evidence) -> None:
    record = next(r for r in e.resources("aws_route53_record") if r["type"] == "A")
    assert record["name"] == "lambda-test.sandbox.data.apro.is"
    assert record["alias"][0]["name"] == e.distribution()["domain_name"]


@shows("FR-023")
def the_existing_certificate_is_used(e: Evidence) -> None:
    certificate = e.distribution()["viewer_certificate"][0]
    assert certificate["acm_certificate_arn"] == e.plan["variables"]["acm_certificate_arn"]["value"]
    assert certificate["minimum_protocol_version"] >= "TLSv1.2_2021"
    assert not e.resources("aws_acm_certificate")


# Function


@shows("FR-024")
def secrets_stay_in_ssm_and_only_their_arns_travel(e: Evidence) -> None:
    parameters = json.loads(e.environment()["LIBRECHAT_SSM_PARAMETERS"])
    assert set(parameters) == {
        "CREDS_IV", "CREDS_KEY", "FIRECRAWL_API_KEY", "JWT_REFRESH_SECRET", "JWT_SECRET", "LITELLM_API_KEY",
        "MEILI_MASTER_KEY", "MONGO_URI", "OPENID_CLIENT_ID", "OPENID_CLIENT_SECRET", "OPENID_SESSION_SECRET",
    }  # fmt: skip
    assert not set(parameters) & set(e.environment())
    for arn in parameters.values():
        assert e.allows("ssm:GetParameters", arn)


@shows("FR-025")
def the_variables_are_those_of_the_task_definition(e: Evidence) -> None:
    environment = e.environment()
    domain = "https://lambda-test.sandbox.data.apro.is"
    services = "dev-aprochat-core.local"
    assert (
        environment.items()
        >= {
            "DOMAIN_SERVER": domain,
            "DOMAIN_CLIENT": domain,
            "LITELLM_BASE_URL": f"http://litellm.{services}:4000/v1",
            "SEARXNG_INSTANCE_URL": f"http://searxng.{services}:8080",
            "RAG_API_URL": f"http://rag-api.{services}:8000",
            "MEILI_HOST": f"http://meilisearch.{services}:7700",
            "FIRECRAWL_API_URL": f"http://firecrawl.{services}:3002",
        }.items()
    )
    assert not environment.keys() & {"ASSETS_URL", "HOST", "PORT", "TRUST_PROXY"}


@shows("FR-026")
def the_configuration_is_fetched_from_the_shared_bucket(e: Evidence) -> None:
    environment = e.environment()
    assert environment["CONFIG_S3_BUCKET"] == "genai-shared-config"
    assert environment["CONFIG_S3_KEY"] == "lambda-test/librechat/librechat.yaml"
    assert environment["CONFIG_PATH"] == "/tmp/librechat.yaml"


@shows("FR-027")
def the_old_domain_is_replaced_and_refused(e: Evidence) -> None:
    # The replacement: tests/integration/app_config. The refusal at cold start: container/test.
    environment = e.environment()
    assert environment["FORBIDDEN_DOMAIN"] == "genai.sandbox.data.apro.is"
    # What is deployed runs with the file that is in the bucket: its ETag is that of the seeded one.
    seeded = librechat_config(environment["DOMAIN_SERVER"].removeprefix("https://")).encode()
    assert environment["CONFIG_VERSION"] == hashlib.md5(seeded).hexdigest()
    e.check("FR-027")


@shows("FR-028")
def the_vpc_resolves_cloud_map_names(e: Evidence) -> None:
    (vpc,) = e.data("aws_vpc")
    assert vpc["enable_dns_support"] is True


@shows("FR-028a")
def the_health_poll_has_sixty_attempts_of_half_a_second(e: Evidence) -> None:
    source = (ROOT / "container" / "src" / "health.mjs").read_text()
    assert re.search(r"\b60\b", source)
    assert re.search(r"\b500\b", source)
    e.check("SC-003")


@shows("FR-029")
def the_role_reads_the_shared_configuration(e: Evidence) -> None:
    assert e.allows("s3:GetObject", "arn:aws:s3:::genai-shared-config/lambda-test/*")


# Files


@shows("FR-030")
def uploads_go_to_s3(e: Evidence) -> None:
    assert e.environment()["AWS_BUCKET_NAME"] == e.one("aws_s3_bucket", bucket="files")["id"]
    assert not e.function()["file_system_config"]


@shows("FR-031")
def the_file_bucket_is_emptied_on_destroy(e: Evidence) -> None:
    assert e.one("aws_s3_bucket", bucket="files")["force_destroy"] is True
    e.check("FR-031")


@shows("FR-032")
def the_function_knows_bucket_and_region(e: Evidence) -> None:
    # AWS_REGION is reserved: Lambda sets it itself and refuses a function that declares it.
    assert e.environment()["AWS_BUCKET_NAME"] == "librechat-lambda-files-dev"
    assert "AWS_REGION" not in e.environment()
    assert ":eu-west-1:" in e.function()["arn"]


@shows("FR-033")
def the_role_reads_and_writes_the_file_bucket(e: Evidence) -> None:
    objects = e.one("aws_s3_bucket", bucket="files")["arn"] + "/*"
    assert e.allows("s3:GetObject", objects)
    assert e.allows("s3:PutObject", objects)


@shows("FR-034")
def the_file_bucket_comes_from_the_public_module(e: Evidence) -> None:
    assert any(".module.files." in address for address in e.addresses("aws_s3_bucket"))


# Redis


@shows("FR-035")
def there_is_a_redis(e: Evidence) -> None:
    assert e.one("aws_elasticache_replication_group")["engine"] == "redis"


@shows("FR-036")
def redis_comes_from_the_named_version_of_the_module(e: Evidence) -> None:
    assert e.calls()["terraform-aws-modules/elasticache/aws"] == "1.10.3"


@shows("FR-037")
def redis_is_one_small_node_without_cluster_mode(e: Evidence) -> None:
    group = e.one("aws_elasticache_replication_group")
    assert (group["num_cache_clusters"], group["node_type"]) == (1, "cache.t4g.micro")
    assert not group["cluster_enabled"]
    assert not group["automatic_failover_enabled"]


@shows("FR-038")
def redis_lives_in_the_private_subnets(e: Evidence) -> None:
    subnets = e.one("aws_elasticache_subnet_group")["subnet_ids"]
    assert set(subnets) == set(e.plan["variables"]["private_subnet_ids"]["value"])


@shows("FR-039")
def the_function_finds_redis(e: Evidence) -> None:
    endpoint = e.one("aws_elasticache_replication_group")["primary_endpoint_address"]
    assert e.environment()["USE_REDIS"] == "true"
    assert e.environment()["REDIS_URI"] == f"redis://{endpoint}:6379"


@shows("FR-040")
def the_function_may_leave_for_redis(e: Evidence) -> None:
    rule = e.one("aws_vpc_security_group_egress_rule", referenced_security_group_id=e.group("redis"))
    assert rule["security_group_id"] == e.group("function")
    assert (rule["from_port"], rule["to_port"]) == (6379, 6379)


@shows("FR-041")
def redis_lets_the_function_in_and_nobody_else(e: Evidence) -> None:
    rule = e.one("aws_vpc_security_group_ingress_rule", security_group_id=e.group("redis"))
    assert rule["referenced_security_group_id"] == e.group("function")
    assert rule["from_port"] == rule["to_port"] == 6379
    assert e.one("aws_elasticache_replication_group")["security_group_ids"] == [e.group("redis")]


@shows("FR-042")
def preflights_are_answered_by_a_mock(e: Evidence) -> None:
    for path in e.api()["paths"].values():
        assert path["options"]["x-amazon-apigateway-integration"]["type"].upper() == "MOCK"
    e.check("FR-042")


# Success criteria


@shows("SC-001")
def the_deploy_needed_no_hand(e: Evidence) -> None:
    assert e.deploy[-1]["type"] == "deployed"
    changes = [c for c in e.plan["resource_changes"] if c["change"]["actions"] not in (["no-op"], ["read"])]
    assert not changes, "a plan right after the deploy has changes"


@shows("SC-002")
def the_page_loads_within_three_seconds(e: Evidence) -> None:
    e.check("SC-002")


@shows("SC-003")
def health_answers_200(e: Evidence) -> None:
    e.check("SC-003")


@shows("SC-004")
def streams_arrive_progressively(e: Evidence) -> None:
    e.check("SC-004")


@shows("SC-005")
def destroy_leaves_nothing(e: Evidence) -> None:
    (inventory,) = [event for event in e.destroy if event["type"] == "inventory"]
    assert inventory["clean"]
    assert {"S3 bucket", "ECR repository"} <= set(inventory["checked"])
    assert len(e.order("destroy", "delete")) == len(e.order("deploy", "create"))


@shows("SC-006")
def terraform_stays_under_500_lines(e: Evidence) -> None:
    files = (ROOT / "infrastructure" / "terraform").rglob("*.tf")
    lines = [
        line
        for file in files
        if file.name != "variables.tf" and ".terraform" not in file.parts
        for line in file.read_text().splitlines()
        if line.strip() and not re.match(r"\s*(#|//)", line)
    ]
    assert len(lines) < 500
