"""Each permission is asked for on a resource of a type that its action has, or IAM denies it to everybody.

The real simulation does so, also for an administrator; the one of the embedded AWS knows no types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from scripts.preflight.needs import NEEDS, Need

# Types of resources that we name, each with those of our actions that AWS lists for it; "*" those without a
# type. "…" stands for a part of a path, "**" for any number of them.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ACTIONS: Mapping[str, Mapping[str, str]] = {
    "apigateway": {
        "arn:aws:apigateway:REGION::/restapis/…/deployments": "GET POST",
        "arn:aws:apigateway:REGION::/restapis/…": "DELETE GET PATCH PUT",
        "arn:aws:apigateway:REGION::/restapis": "GET POST",
        "arn:aws:apigateway:REGION::/restapis/…/stages": "GET POST",
        "arn:aws:apigateway:REGION::/tags/…": "DELETE GET PUT",
    },
    "cloudfront": {
        "*": """
            CreateDistribution CreateFunction CreateOriginAccessControl CreateResponseHeadersPolicy
            ListDistributions ListFunctions ListOriginAccessControls ListResponseHeadersPolicies
        """,
        "arn:aws:cloudfront::ACCOUNT:distribution/…": """
            DeleteDistribution GetDistribution GetDistributionConfig ListTagsForResource TagResource
            UntagResource UpdateDistribution
        """,
        "arn:aws:cloudfront::ACCOUNT:function/…": """
            DeleteFunction DescribeFunction GetFunction ListTagsForResource PublishFunction
            TagResource UntagResource UpdateFunction
        """,
        "arn:aws:cloudfront::ACCOUNT:origin-access-control/…": """
            DeleteOriginAccessControl GetOriginAccessControl
        """,
        "arn:aws:cloudfront::ACCOUNT:response-headers-policy/**": """
            DeleteResponseHeadersPolicy GetResponseHeadersPolicy UpdateResponseHeadersPolicy
        """,
    },
    "ec2": {
        "*": """
            DescribeNetworkInterfaces DescribeRouteTables DescribeSecurityGroupRules
            DescribeSecurityGroups DescribeSubnets DescribeVpcs
        """,
        "arn:aws:ec2:REGION:ACCOUNT:network-interface/…": """
            CreateTags DeleteNetworkInterface DeleteTags DetachNetworkInterface
        """,
        "arn:aws:ec2:REGION:ACCOUNT:security-group/…": """
            AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateSecurityGroup
            CreateTags DeleteSecurityGroup DeleteTags ModifySecurityGroupRules
            RevokeSecurityGroupEgress RevokeSecurityGroupIngress
        """,
        "arn:aws:ec2:REGION:ACCOUNT:security-group-rule/…": """
            AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateTags DeleteTags
            ModifySecurityGroupRules
        """,
        "arn:aws:ec2:REGION:ACCOUNT:vpc/…": "CreateSecurityGroup CreateTags DeleteTags DescribeVpcAttribute",
    },
    "ecr": {
        "*": "GetAuthorizationToken",
        "arn:aws:ecr:REGION:ACCOUNT:repository/…": """
            BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload CreateRepository
            DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy DescribeImages
            DescribeRepositories GetDownloadUrlForLayer GetLifecyclePolicy GetRepositoryPolicy
            InitiateLayerUpload ListTagsForResource PutImage PutLifecyclePolicy SetRepositoryPolicy
            TagResource UntagResource UploadLayerPart
        """,
    },
    "elasticache": {
        "arn:aws:elasticache:REGION:ACCOUNT:cluster:…": """
            AddTagsToResource CreateReplicationGroup DescribeCacheClusters ListTagsForResource
            RemoveTagsFromResource
        """,
        "arn:aws:elasticache:REGION:ACCOUNT:parametergroup:…": """
            AddTagsToResource CreateReplicationGroup ListTagsForResource ModifyReplicationGroup
            RemoveTagsFromResource
        """,
        "arn:aws:elasticache:REGION:ACCOUNT:replicationgroup:…": """
            AddTagsToResource CreateReplicationGroup DeleteReplicationGroup
            DescribeReplicationGroups ListTagsForResource ModifyReplicationGroup
            RemoveTagsFromResource
        """,
        "arn:aws:elasticache:REGION:ACCOUNT:subnetgroup:…": """
            AddTagsToResource CreateCacheSubnetGroup CreateReplicationGroup DeleteCacheSubnetGroup
            DescribeCacheSubnetGroups ListTagsForResource RemoveTagsFromResource
        """,
    },
    "iam": {
        "*": "ListPolicies ListRoles",
        "arn:aws:iam::…:policy/**": "GetPolicy GetPolicyVersion",
        "arn:aws:iam::ACCOUNT:role/**": """
            CreateRole CreateServiceLinkedRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy
            ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies PassRole
            PutRolePolicy TagRole UntagRole
        """,
    },
    "lambda": {
        "*": "ListFunctions",
        "arn:aws:lambda:REGION:ACCOUNT:function:…": """
            AddPermission CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction
            GetFunctionConfiguration GetPolicy ListVersionsByFunction PutFunctionConcurrency
            RemovePermission TagResource UntagResource
            UpdateFunctionCode UpdateFunctionConfiguration
        """,
    },
    "logs": {
        "*": "DescribeLogGroups",
        "arn:aws:logs:REGION:ACCOUNT:log-group:**": """
            CreateLogGroup DeleteLogGroup ListTagsForResource PutRetentionPolicy TagResource
            UntagResource
        """,
    },
    "route53": {
        "arn:aws:route53:::change/…": "GetChange",
        "arn:aws:route53:::hostedzone/…": "ChangeResourceRecordSets GetHostedZone ListResourceRecordSets",
    },
    "s3": {
        "*": "ListAllMyBuckets",
        "arn:aws:s3:::…": """
            CreateBucket DeleteBucket DeleteBucketPolicy GetAccelerateConfiguration GetBucketAcl
            GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy
            GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning
            GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration
            GetReplicationConfiguration ListBucket ListBucketVersions PutBucketOwnershipControls
            PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning
            PutEncryptionConfiguration
        """,
        "arn:aws:s3:::…/**": "DeleteObject DeleteObjectVersion GetObject PutObject",
    },
}

_NAMES = {
    "region": "REGION",
    "account": "ACCOUNT",
    "environment": "dev",
    "vpc": "vpc-1",
    "zone": "Z1",
    "state_bucket": "state",
    "state_key": "librechat-lambda/dev/terraform.tfstate",
    "releases": "librechat-lambda/dev/releases/",
}


def of_type(resource: str, type: str) -> bool:
    pattern = re.escape(type).replace("…", "[^/]+").replace(re.escape("**"), ".+")
    return re.fullmatch(pattern, resource) is not None


@pytest.mark.parametrize(
    "need", NEEDS, ids=lambda need: f"{need.reason}{need.only_for and f' ({need.only_for})'}"
)
def test_an_action_is_asked_for_on_what_it_is_about(need: Need) -> None:
    resource = need.resource.format(**_NAMES)
    service = need.actions[0].partition(":")[0]
    fitting = {
        f"{service}:{action}"
        for type, actions in _ACTIONS[service].items()
        if of_type(resource, type)
        for action in actions.split()
    }
    assert set(need.actions) <= fitting


def test_the_table_tells_a_collection_from_its_members() -> None:
    """An administrator was denied POST on all of ``/restapis/*``: no type of API Gateway is called so."""
    deployments = "arn:aws:apigateway:REGION::/restapis/*/deployments"
    assert of_type(deployments, "arn:aws:apigateway:REGION::/restapis/…/deployments")
    assert not of_type(deployments, "arn:aws:apigateway:REGION::/restapis/…")
    assert "POST" not in _ACTIONS["apigateway"]["arn:aws:apigateway:REGION::/restapis/…"].split()
