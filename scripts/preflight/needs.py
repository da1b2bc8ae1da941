"""What the caller must be allowed to do on the real account: one table, resource by resource.

Which calls are made was measured; docs/permissions.md tells how, holds the same table as a policy, and says
what is only from reading. Which action and resource a call asks for is AWS's own list:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from dataclasses import dataclass

from scripts.preflight.buckets import CLIENT, NAMES


@dataclass(frozen=True)
class Need:
    """Actions of one service on one resource, and what they are for.

    `resource` may name ``{region}``, ``{account}``, ``{environment}``, ``{vpc}``, ``{zone}``,
    ``{state_bucket}``, ``{state_key}`` and ``{releases}``. It ends with ``*`` where AWS chooses the id.

    Attributes:
        only_for: The one occasion that needs them. Empty: a deploy does, and most of them.
    """

    reason: str
    resource: str
    actions: tuple[str, ...]
    only_for: str = ""


_NAME = "librechat-lambda-api-{environment}"
_REDIS = "librechat-lambda-redis-{environment}"
_REGIONAL = "{region}:{account}"
_BUCKETS = tuple(
    (whose, f"arn:aws:s3:::{name}")
    for whose, name in zip(("the client's bucket", "the bucket of uploaded files"), NAMES, strict=True)
)
_STATE = "arn:aws:s3:::{state_bucket}"
_REPOSITORY = f"arn:aws:ecr:{_REGIONAL}:repository/{_NAME}"
_FUNCTION = f"arn:aws:lambda:{_REGIONAL}:function:{_NAME}"
_ROLE = f"arn:aws:iam::{{account}}:role/{_NAME}"
# With ":*" for all actions but those on tags:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
_LOG_GROUP = f"arn:aws:logs:{_REGIONAL}:log-group:/aws/lambda/{_NAME}"
_GROUPS = f"arn:aws:ec2:{_REGIONAL}:security-group/*"
_GROUP_RULES = f"arn:aws:ec2:{_REGIONAL}:security-group-rule/*"
_REDIS_GROUP = f"arn:aws:elasticache:{_REGIONAL}:replicationgroup:{_REDIS}"
_REDIS_SUBNETS = f"arn:aws:elasticache:{_REGIONAL}:subnetgroup:{_REDIS}"
_REDIS_PARAMETERS = f"arn:aws:elasticache:{_REGIONAL}:parametergroup:default.redis7"
_APIS = "arn:aws:apigateway:{region}::/restapis"
_API_TAGS = "arn:aws:apigateway:{region}::/tags/*"
_DISTRIBUTIONS = "arn:aws:cloudfront::{account}:distribution/*"
_VIEWER_FUNCTION = "arn:aws:cloudfront::{account}:function/librechat-lambda-spa-{environment}"
_ACCESS_CONTROLS = "arn:aws:cloudfront::{account}:origin-access-control/*"
_HEADERS = "arn:aws:cloudfront::{account}:response-headers-policy/*"

# Terraform reads every setting of a bucket, also those that it never sets.
_BUCKET = (
    "s3:CreateBucket",
    "s3:ListBucket",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutEncryptionConfiguration",
)

_DEPLOY = (
    Need("looking for Terraform's state", _STATE, ("s3:ListBucket",)),
    Need("Terraform's state", f"{_STATE}/{{state_key}}", ("s3:GetObject", "s3:PutObject")),
    Need(
        "the state's lock",
        f"{_STATE}/{{state_key}}.tflock",
        ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    ),
    Need("the records of releases", f"{_STATE}/{{releases}}*", ("s3:GetObject", "s3:PutObject")),
    *(Need(whose, bucket, _BUCKET) for whose, bucket in _BUCKETS),
    Need(
        "publishing the client",
        f"arn:aws:s3:::{CLIENT}/*",
        ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    ),
    Need("logging in to ECR", "*", ("ecr:GetAuthorizationToken",)),
    Need(
        "the image's repository",
        _REPOSITORY,
        (
            "ecr:CreateRepository",
            "ecr:DescribeRepositories",
            "ecr:DescribeImages",
            "ecr:GetRepositoryPolicy",
            "ecr:SetRepositoryPolicy",
            "ecr:GetLifecyclePolicy",
            "ecr:PutLifecyclePolicy",
            "ecr:ListTagsForResource",
            "ecr:TagResource",
        ),
    ),
    Need(
        "pushing the image",
        _REPOSITORY,
        (
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:UploadLayerPart",
            "ecr:CompleteLayerUpload",
            "ecr:PutImage",
        ),
    ),
    Need(
        "the function",
        _FUNCTION,
        (
            "lambda:CreateFunction",
            "lambda:GetFunction",
            "lambda:GetFunctionConfiguration",
            "lambda:ListVersionsByFunction",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:GetPolicy",
            "lambda:AddPermission",
            "lambda:RemovePermission",
            "lambda:TagResource",
        ),
    ),
    Need(
        "the function's role",
        _ROLE,
        (
            "iam:CreateRole",
            "iam:GetRole",
            "iam:PassRole",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:TagRole",
        ),
    ),
    Need(
        "AWS's policy for functions in a VPC, which is copied into that role",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess",
        ("iam:GetPolicy", "iam:GetPolicyVersion"),
    ),
    Need("finding the function's log group", "*", ("logs:DescribeLogGroups",)),
    Need("the function's log group", f"{_LOG_GROUP}:*", ("logs:CreateLogGroup", "logs:PutRetentionPolicy")),
    Need(
        "the log group's tags",
        _LOG_GROUP,
        ("logs:ListTagsForResource", "logs:TagResource"),
    ),
    Need(
        "looking at the network; Lambda and ElastiCache look with the caller's permissions, too",
        "*",
        (
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
    ),
    Need(
        "the VPC that the security groups belong to",
        f"arn:aws:ec2:{_REGIONAL}:vpc/{{vpc}}",
        ("ec2:CreateSecurityGroup", "ec2:DescribeVpcAttribute"),
    ),
    Need(
        "security groups",
        _GROUPS,
        (
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:CreateTags",
        ),
    ),
    Need(
        "rules of security groups",
        _GROUP_RULES,
        (
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:CreateTags",
        ),
    ),
    Need(
        "Redis",
        _REDIS_GROUP,
        (
            "elasticache:CreateReplicationGroup",
            "elasticache:DescribeReplicationGroups",
            "elasticache:ListTagsForResource",
            "elasticache:AddTagsToResource",
        ),
    ),
    Need(
        "the subnets of Redis",
        _REDIS_SUBNETS,
        (
            "elasticache:CreateCacheSubnetGroup",
            "elasticache:DescribeCacheSubnetGroups",
            "elasticache:CreateReplicationGroup",
            "elasticache:ListTagsForResource",
            "elasticache:AddTagsToResource",
        ),
    ),
    Need(
        "the node of Redis",
        f"arn:aws:elasticache:{_REGIONAL}:cluster:{_REDIS}-*",
        ("elasticache:CreateReplicationGroup", "elasticache:DescribeCacheClusters"),
    ),
    Need(
        "the parameters of Redis 7",
        _REDIS_PARAMETERS,
        ("elasticache:CreateReplicationGroup",),
    ),
    Need("making the REST API", _APIS, ("apigateway:GET", "apigateway:POST")),
    Need(
        "the REST API, its deployments and its stage",
        f"{_APIS}/*",
        ("apigateway:GET", "apigateway:PUT", "apigateway:PATCH", "apigateway:DELETE"),
    ),
    # Not of _APIS/*: asked for a resource that is no type of its own, IAM's simulation denies everybody.
    Need("deploying the REST API", f"{_APIS}/*/deployments", ("apigateway:POST",)),
    Need("making its stage", f"{_APIS}/*/stages", ("apigateway:POST",)),
    Need("their tags", _API_TAGS, ("apigateway:PUT",)),
    Need(
        "the distribution",
        _DISTRIBUTIONS,
        (
            "cloudfront:GetDistribution",
            "cloudfront:GetDistributionConfig",
            "cloudfront:UpdateDistribution",
            "cloudfront:ListTagsForResource",
            "cloudfront:TagResource",
        ),
    ),
    Need(
        "the distribution's function",
        _VIEWER_FUNCTION,
        (
            "cloudfront:GetFunction",
            "cloudfront:DescribeFunction",
            "cloudfront:PublishFunction",
        ),
    ),
    Need("the distribution's way into the bucket", _ACCESS_CONTROLS, ("cloudfront:GetOriginAccessControl",)),
    Need(
        "the response headers of client and API",
        _HEADERS,
        ("cloudfront:GetResponseHeadersPolicy",),
    ),
    Need(
        "the domain's records",
        "arn:aws:route53:::hostedzone/{zone}",
        ("route53:GetHostedZone", "route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"),
    ),
    Need("waiting for those records", "arn:aws:route53:::change/*", ("route53:GetChange",)),
)

_FIRST = (
    Need(
        "making the state's bucket",
        _STATE,
        (
            "s3:CreateBucket",
            "s3:GetBucketPolicy",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
        ),
        only_for="the first deploy",
    ),
    Need(
        "the role that ElastiCache makes for itself",
        "arn:aws:iam::{account}:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache",
        ("iam:CreateServiceLinkedRole",),
        only_for="the first Redis of an account",
    ),
    # On all resources, says AWS's list; where it asks for the type's ARN, as has been seen, less will do.
    Need(
        "making the distribution and what belongs to it",
        "*",
        (
            "cloudfront:CreateDistribution",
            "cloudfront:CreateFunction",
            "cloudfront:CreateOriginAccessControl",
            "cloudfront:CreateResponseHeadersPolicy",
        ),
        only_for="the first deploy",
    ),
)


def _to_change(what: str, resource: str, *actions: str) -> Need:
    return Need(what, resource, actions, only_for="a change of settings or tags")


_CHANGES = (
    _to_change("the image's repository", _REPOSITORY, "ecr:DeleteLifecyclePolicy", "ecr:UntagResource"),
    _to_change("the function", _FUNCTION, "lambda:UntagResource"),
    Need(
        "the function's reserved concurrency",
        _FUNCTION,
        ("lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"),
        only_for="function.reserved_concurrency in the tfvars",
    ),
    _to_change("the function's role", _ROLE, "iam:UntagRole"),
    _to_change("the log group's tags", _LOG_GROUP, "logs:UntagResource"),
    _to_change("security groups", _GROUPS, "ec2:ModifySecurityGroupRules", "ec2:DeleteTags"),
    _to_change("rules of security groups", _GROUP_RULES, "ec2:ModifySecurityGroupRules", "ec2:DeleteTags"),
    _to_change(
        "Redis",
        _REDIS_GROUP,
        "elasticache:ModifyReplicationGroup",
        "elasticache:RemoveTagsFromResource",
    ),
    _to_change("the subnets of Redis", _REDIS_SUBNETS, "elasticache:RemoveTagsFromResource"),
    _to_change("the parameters of Redis 7", _REDIS_PARAMETERS, "elasticache:ModifyReplicationGroup"),
    _to_change("tags of the REST API and its stage", _API_TAGS, "apigateway:DELETE"),
    _to_change("the distribution", _DISTRIBUTIONS, "cloudfront:UntagResource"),
    _to_change("the distribution's function", _VIEWER_FUNCTION, "cloudfront:UpdateFunction"),
    _to_change("the response headers of client and API", _HEADERS, "cloudfront:UpdateResponseHeadersPolicy"),
)

_LEFT = "a look at what is left"


def _to_destroy(reason: str, resource: str, *actions: str) -> Need:
    return Need(reason, resource, actions, only_for="a destroy")


_DESTROY = (
    *(
        _to_destroy(whose, bucket, "s3:ListBucketVersions", "s3:DeleteBucketPolicy", "s3:DeleteBucket")
        for whose, bucket in _BUCKETS
    ),
    *(
        _to_destroy(f"what is in {whose}", f"{bucket}/*", "s3:DeleteObject", "s3:DeleteObjectVersion")
        for whose, bucket in _BUCKETS
    ),
    _to_destroy("how far back the state goes", _STATE, "s3:ListBucketVersions"),
    _to_destroy("the image's repository", _REPOSITORY, "ecr:DeleteRepositoryPolicy", "ecr:DeleteRepository"),
    _to_destroy("the function", _FUNCTION, "lambda:DeleteFunction"),
    _to_destroy("the function's role", _ROLE, "iam:ListInstanceProfilesForRole", "iam:DeleteRole"),
    _to_destroy("the function's log group", f"{_LOG_GROUP}:*", "logs:DeleteLogGroup"),
    _to_destroy("security groups", _GROUPS, "ec2:DeleteSecurityGroup"),
    _to_destroy(
        "looking for network interfaces that Lambda left behind", "*", "ec2:DescribeNetworkInterfaces"
    ),
    _to_destroy(
        "network interfaces that Lambda left behind",
        f"arn:aws:ec2:{_REGIONAL}:network-interface/*",
        "ec2:DetachNetworkInterface",
        "ec2:DeleteNetworkInterface",
    ),
    _to_destroy("Redis", _REDIS_GROUP, "elasticache:DeleteReplicationGroup"),
    _to_destroy("the subnets of Redis", _REDIS_SUBNETS, "elasticache:DeleteCacheSubnetGroup"),
    _to_destroy("the distribution", _DISTRIBUTIONS, "cloudfront:DeleteDistribution"),
    _to_destroy("the distribution's function", _VIEWER_FUNCTION, "cloudfront:DeleteFunction"),
    _to_destroy(
        "the distribution's way into the bucket", _ACCESS_CONTROLS, "cloudfront:DeleteOriginAccessControl"
    ),
    _to_destroy("the response headers of client and API", _HEADERS, "cloudfront:DeleteResponseHeadersPolicy"),
    # The look at what is left (scripts/inventory.py) lists: most lists are of no resource.
    _to_destroy(_LEFT, "*", "s3:ListAllMyBuckets"),
    _to_destroy(_LEFT, f"arn:aws:ecr:{_REGIONAL}:repository/*", "ecr:DescribeRepositories"),
    _to_destroy(_LEFT, "*", "lambda:ListFunctions"),
    _to_destroy(_LEFT, "*", "iam:ListRoles", "iam:ListPolicies"),
    _to_destroy(
        _LEFT, f"arn:aws:elasticache:{_REGIONAL}:replicationgroup:*", "elasticache:DescribeReplicationGroups"
    ),
    _to_destroy(
        _LEFT, f"arn:aws:elasticache:{_REGIONAL}:subnetgroup:*", "elasticache:DescribeCacheSubnetGroups"
    ),
    _to_destroy(
        _LEFT,
        "*",
        "cloudfront:ListDistributions",
        "cloudfront:ListFunctions",
        "cloudfront:ListOriginAccessControls",
        "cloudfront:ListResponseHeadersPolicies",
    ),
)

_PURGE = (
    Need("the state's bucket", _STATE, ("s3:DeleteBucket",), only_for="a destroy with --purge-state"),
    Need(
        "the state's history",
        f"{_STATE}/*",
        ("s3:DeleteObject", "s3:DeleteObjectVersion"),
        only_for="a destroy with --purge-state",
    ),
)

TO_DEPLOY = (*_DEPLOY, *_FIRST, *_CHANGES)
"""What a deploy stops without."""

NEEDS = (*TO_DEPLOY, *_DESTROY, *_PURGE)
"""What any run stops without. `scripts.preflight.permissions` asks IAM about them."""

EXTRAS = (
    Need("inv doctor asks IAM about all of this", "*", ("iam:SimulatePrincipalPolicy", "iam:GetRole")),
    Need("inv doctor compares what is used with quotas", "*", ("iam:GetAccountSummary",)),
    Need("inv doctor compares what is used with quotas", "*", ("lambda:GetAccountSettings",)),
    Need("inv doctor compares what is used with quotas", "*", ("servicequotas:GetServiceQuota",)),
    Need(
        "inv doctor looks at the region, at the way out of the VPC, and counts network interfaces",
        "*",
        ("ec2:DescribeAvailabilityZones", "ec2:DescribeNatGateways", "ec2:DescribeNetworkInterfaces"),
    ),
    Need("inv doctor looks for the parameters", "*", ("ssm:DescribeParameters",)),
    Need(
        "inv doctor looks at the certificate",
        "arn:aws:acm:us-east-1:{account}:certificate/*",
        ("acm:DescribeCertificate",),
    ),
    Need(
        "librechat.yaml: inv doctor reads it, and a deploy has the function start with its version",
        "arn:aws:s3:::{config_bucket}/*",
        ("s3:GetObject",),
    ),
    Need(
        "inv doctor looks for the domain; CloudFront forgets changed files at once",
        "*",
        ("cloudfront:ListDistributions",),
    ),
    Need("CloudFront forgets changed files at once", _DISTRIBUTIONS, ("cloudfront:CreateInvalidation",)),
    Need("inv logs", f"{_LOG_GROUP}:*", ("logs:FilterLogEvents",)),
    Need(
        "inv smoke --long: how many streams the function can have",
        _FUNCTION,
        ("lambda:GetFunctionConcurrency",),
    ),
    *(
        Need(
            f"tags of {whose}; without it provider 6.23 and later write them as 5.100 does",
            bucket,
            ("s3:ListTagsForResource", "s3:TagResource", "s3:UntagResource"),
        )
        for whose, bucket in _BUCKETS
    ),
    Need(
        "an upload that failed leaves no parts behind",
        f"arn:aws:s3:::{CLIENT}/*",
        ("s3:AbortMultipartUpload",),
    ),
)
"""What a run goes on without, knowing or doing less. IAM is not asked: each says so itself.

Here a resource may also name ``{config_bucket}``.
"""
