"""AWS managed policies that MiniStack does not know, word for word.

Restores GetPolicy and enforcement of policies that the public modules read or attach:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaENIManagementAccess.html.
"""

from __future__ import annotations

import json

from scripts.local.extensions import Context

# The lambda module looks this one up for a function in a VPC.
_ENI_MANAGEMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:CreateNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DeleteNetworkInterface",
                "ec2:AssignPrivateIpAddresses",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "Resource": "*",
        }
    ],
}


def install(context: Context) -> None:
    """Add the policies to the ones that every account can attach."""
    from ministack.services import iam

    record = iam._make_aws_managed_record(
        "service-role/AWSLambdaENIManagementAccess",
        json.dumps(_ENI_MANAGEMENT),
        "Minimum permissions for a Lambda function to manage ENIs (create, describe, delete) used by a "
        "VPC-enabled Lambda Function.",
    )
    iam._aws_managed_policies[record["Arn"]] = record
