"""The list of permissions against what was called: docs/permissions.md tells how that was measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import botocore.session
import pytest

from scripts.preflight.needs import EXTRAS, NEEDS, Need
from tests.conftest import PROJECT_ROOT

# Operations as boto3 names them, by the service's name in IAM. Provider 5.100.0.
_SEEN_WITHOUT_DESTROY: Mapping[str, str] = {
    "acm": "DescribeCertificate",
    "apigateway": """
        CreateDeployment CreateRestApi CreateStage DeleteDeployment GetDeployment GetResources GetRestApi
        GetRestApis GetStage PutRestApi TagResource UpdateRestApi UpdateStage
    """,
    "cloudfront": """
        CreateDistributionWithTags CreateFunction CreateOriginAccessControl CreateResponseHeadersPolicy
        DescribeFunction GetDistribution GetDistributionConfig GetFunction GetOriginAccessControl
        GetResponseHeadersPolicy ListDistributions ListTagsForResource PublishFunction TagResource
        UntagResource UpdateDistribution UpdateFunction UpdateResponseHeadersPolicy
    """,
    "ec2": """
        AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateSecurityGroup CreateTags
        DeleteTags DescribeAvailabilityZones DescribeNatGateways DescribeNetworkInterfaces
        DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets
        DescribeVpcAttribute DescribeVpcs ModifySecurityGroupRules RevokeSecurityGroupEgress
    """,
    "ecr": """
        CreateRepository DeleteLifecyclePolicy DescribeImages DescribeRepositories GetAuthorizationToken
        GetLifecyclePolicy GetRepositoryPolicy ListTagsForResource PutLifecyclePolicy SetRepositoryPolicy
        TagResource UntagResource
    """,
    "elasticache": """
        AddTagsToResource CreateCacheSubnetGroup CreateReplicationGroup DescribeCacheClusters
        DescribeCacheSubnetGroups DescribeReplicationGroups ListTagsForResource ModifyReplicationGroup
        RemoveTagsFromResource
    """,
    "iam": """
        CreateRole GetAccountSummary GetPolicy GetPolicyVersion GetRole GetRolePolicy
        ListAttachedRolePolicies ListRolePolicies PutRolePolicy TagRole UntagRole
    """,
    "lambda": """
        AddPermission CreateFunction DeleteFunctionConcurrency GetAccountSettings GetFunction
        GetFunctionConfiguration GetPolicy ListVersionsByFunction PutFunctionConcurrency TagResource
        UntagResource UpdateFunctionCode UpdateFunctionConfiguration
    """,
    "logs": """
        CreateLogGroup DescribeLogGroups FilterLogEvents ListTagsForResource PutRetentionPolicy
        TagResource UntagResource
    """,
    "route53": "ChangeResourceRecordSets GetChange GetHostedZone ListResourceRecordSets",
    "s3": """
        CopyObject CreateBucket DeleteObject GetBucketAccelerateConfiguration GetBucketAcl GetBucketCors
        GetBucketEncryption GetBucketLifecycleConfiguration GetBucketLogging GetBucketPolicy
        GetBucketReplication GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
        GetObject GetObjectLockConfiguration GetPublicAccessBlock HeadBucket HeadObject ListObjectsV2
        PutBucketEncryption PutBucketOwnershipControls PutBucketPolicy PutBucketTagging
        PutBucketVersioning PutObject PutPublicAccessBlock
    """,
    "servicequotas": "GetServiceQuota",
    "ssm": "DescribeParameters",
    "sts": "GetCallerIdentity",
}
"""What doctor, deploys, plan, drift, status, logs, config.push, smoke and rollback called."""

_SEEN_IN_A_DESTROY: Mapping[str, str] = {
    "apigateway": "DeleteDeployment DeleteRestApi DeleteStage GetRestApis UpdateStage",
    "cloudfront": """
        DeleteDistribution DeleteFunction DeleteOriginAccessControl DeleteResponseHeadersPolicy
        GetDistribution ListDistributions ListFunctions ListOriginAccessControls
        ListResponseHeadersPolicies UpdateDistribution
    """,
    "ec2": """
        DeleteSecurityGroup DescribeNetworkInterfaces DescribeSecurityGroupRules DescribeSecurityGroups
        RevokeSecurityGroupEgress RevokeSecurityGroupIngress
    """,
    "ecr": """
        DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy DescribeImages DescribeRepositories
    """,
    "elasticache": """
        DeleteCacheSubnetGroup DeleteReplicationGroup DescribeCacheSubnetGroups DescribeReplicationGroups
    """,
    "iam": """
        DeleteRole DeleteRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListPolicies
        ListRolePolicies ListRoles
    """,
    "lambda": """
        DeleteFunction GetFunction GetPolicy ListFunctions RemovePermission UpdateFunctionConfiguration
    """,
    "logs": "DeleteLogGroup DescribeLogGroups",
    "route53": "ChangeResourceRecordSets GetChange GetHostedZone ListResourceRecordSets",
    "s3": """
        DeleteBucket DeleteBucketEncryption DeleteBucketPolicy DeleteObject DeleteObjects
        DeletePublicAccessBlock GetBucketPolicy GetObject GetPublicAccessBlock HeadBucket HeadObject
        ListBuckets ListObjectVersions ListObjectsV2 PutObject
    """,
    "sts": "GetCallerIdentity",
}
"""What ``inv destroy --purge-state`` called."""

# Where the action has not the operation's name:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_NAMED_OTHERWISE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("cloudfront", "CreateDistributionWithTags"): ("CreateDistribution", "TagResource"),
    ("s3", "CopyObject"): ("GetObject", "PutObject"),
    ("s3", "DeleteBucketEncryption"): ("PutEncryptionConfiguration",),
    ("s3", "DeleteObjects"): ("DeleteObject", "DeleteObjectVersion"),
    ("s3", "DeletePublicAccessBlock"): ("PutBucketPublicAccessBlock",),
    ("s3", "GetBucketAccelerateConfiguration"): ("GetAccelerateConfiguration",),
    ("s3", "GetBucketCors"): ("GetBucketCORS",),
    ("s3", "GetBucketEncryption"): ("GetEncryptionConfiguration",),
    ("s3", "GetBucketLifecycleConfiguration"): ("GetLifecycleConfiguration",),
    ("s3", "GetBucketReplication"): ("GetReplicationConfiguration",),
    ("s3", "GetObjectLockConfiguration"): ("GetBucketObjectLockConfiguration",),
    ("s3", "GetPublicAccessBlock"): ("GetBucketPublicAccessBlock",),
    ("s3", "HeadBucket"): ("ListBucket",),
    ("s3", "HeadObject"): ("GetObject",),
    ("s3", "ListBuckets"): ("ListAllMyBuckets",),
    ("s3", "ListObjectVersions"): ("ListBucketVersions",),
    ("s3", "ListObjectsV2"): ("ListBucket",),
    ("s3", "PutBucketEncryption"): ("PutEncryptionConfiguration",),
    ("s3", "PutPublicAccessBlock"): ("PutBucketPublicAccessBlock",),
    ("sts", "GetCallerIdentity"): (),  # needs no permission
}

_MODELS = {"servicequotas": "service-quotas"}

# API Gateway's actions are the methods of its API:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-create-and-manage-api.html
_METHODS = {"Create": "POST", "Delete": "DELETE", "Get": "GET", "Put": "PUT", "Tag": "PUT", "Update": "PATCH"}

_ONLY_READ = {
    # The push of an image speaks the registry's protocol, not ECR's API.
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    # Asked for by other calls, or not needed by these runs.
    "cloudfront:CreateInvalidation", "ec2:DeleteNetworkInterface", "ec2:DetachNetworkInterface",
    "iam:CreateServiceLinkedRole", "iam:PassRole", "iam:SimulatePrincipalPolicy",
    "lambda:GetFunctionConcurrency", "s3:AbortMultipartUpload", "s3:ListTagsForResource", "s3:TagResource",
    "s3:UntagResource",
}  # fmt: skip
"""In the list for the reasons that docs/permissions.md gives."""

_MEASURED_TYPES = {
    "aws_api_gateway_deployment", "aws_api_gateway_method_settings", "aws_api_gateway_rest_api",
    "aws_api_gateway_stage",
    "aws_caller_identity", "aws_cloudfront_distribution", "aws_cloudfront_function",
    "aws_cloudfront_origin_access_control", "aws_cloudfront_response_headers_policy",
    "aws_cloudwatch_log_group", "aws_ecr_image", "aws_ecr_lifecycle_policy", "aws_ecr_repository",
    "aws_ecr_repository_policy", "aws_elasticache_replication_group", "aws_elasticache_subnet_group",
    "aws_iam_policy", "aws_iam_policy_document", "aws_iam_role", "aws_iam_role_policy",
    "aws_lambda_function", "aws_lambda_permission", "aws_partition", "aws_region", "aws_route53_record",
    "aws_s3_bucket", "aws_s3_bucket_policy", "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_versioning", "aws_security_group",
    "aws_vpc", "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule",
}  # fmt: skip


def actions(service: str, operation: str) -> set[str]:
    """What IAM checks when an operation is called."""
    if service == "apigateway":
        return {f"apigateway:{_METHODS[re.findall('[A-Z][a-z]+', operation)[0]]}"}
    return {f"{service}:{name}" for name in _NAMED_OTHERWISE.get((service, operation), (operation,))}


def seen(*runs: Mapping[str, str]) -> set[str]:
    return {
        action
        for run in runs
        for service, operations in run.items()
        for operation in operations.split()
        for action in actions(service, operation)
    }


def in_list(needs: Iterable[Need]) -> set[str]:
    return {action for need in needs for action in need.actions}


def test_every_call_that_was_seen_without_a_destroy_is_allowed_to_who_may_only_deploy() -> None:
    deploy = [need for need in NEEDS if "destroy" not in need.only_for]
    assert seen(_SEEN_WITHOUT_DESTROY) <= in_list((*deploy, *EXTRAS))


def test_every_call_that_was_seen_in_a_destroy_is_allowed_without_the_extras() -> None:
    assert seen(_SEEN_IN_A_DESTROY) <= in_list(NEEDS)


def test_every_action_in_the_list_was_seen_or_is_known_to_be_only_read_about() -> None:
    assert in_list((*NEEDS, *EXTRAS)) - seen(_SEEN_WITHOUT_DESTROY, _SEEN_IN_A_DESTROY) == _ONLY_READ


def test_every_action_is_an_operation_or_known_by_another_name() -> None:
    renamed = {f"{service}:{name}" for (service, _), names in _NAMED_OTHERWISE.items() for name in names}
    renamed |= {f"apigateway:{method}" for method in _METHODS.values()} | {"iam:PassRole"}
    # Of S3's other API:
    renamed |= {"s3:ListTagsForResource", "s3:TagResource", "s3:UntagResource"}
    session = botocore.session.get_session()
    for action in in_list((*NEEDS, *EXTRAS)) - renamed:
        service, _, operation = action.partition(":")
        model = session.get_service_model(_MODELS.get(service, service))
        assert operation in model.operation_names, action


@pytest.mark.parametrize("tree", ["infrastructure/terraform", "scripts/local/modules"])
def test_terraform_uses_no_type_of_resource_that_was_not_measured(tree: str) -> None:
    files = [file for file in (PROJECT_ROOT / tree).rglob("*.tf") if ".terraform" not in file.parts]
    declared = {
        name
        for file in files
        for name in re.findall(r'^(?:resource|data) "(aws_\w+)"', file.read_text(), re.MULTILINE)
    }
    assert declared and declared <= _MEASURED_TYPES, "measure again: docs/permissions.md tells how"
