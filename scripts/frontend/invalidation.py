"""Invalidations: telling CloudFront's edge locations to forget files that have changed.

The client does not depend on them: every unhashed file is ``no-cache``, so the edge asks S3 again once
CachingOptimized's minimum TTL of one second is over. They are for what no header governs, such as an edge
that serves a stale object while its origin is out of reach.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from scripts.target import Target


def invalidate(target: Target, distribution_id: str, paths: Sequence[str]) -> str:
    """Ask a distribution to forget paths, and do not wait for it. Returns the invalidation's id.

    Raises:
        BotoCoreError, ClientError: when CloudFront refuses.
    """
    answer = target.aws.client("cloudfront").create_invalidation(
        DistributionId=distribution_id,
        InvalidationBatch={
            "Paths": {"Quantity": len(paths), "Items": list(paths)},
            "CallerReference": uuid.uuid4().hex,
        },
    )
    return str(answer["Invalidation"]["Id"])


def distributions_of(target: Target, bucket: str) -> tuple[str, ...]:
    """Ids of the distributions that have a bucket as an origin; none before the first deploy is done.

    Raises:
        BotoCoreError, ClientError: when CloudFront refuses.
    """
    pages = target.aws.client("cloudfront").get_paginator("list_distributions").paginate()
    return tuple(
        distribution["Id"]
        for page in pages
        for distribution in page.get("DistributionList", {}).get("Items", ())
        if any(origin["DomainName"].startswith(f"{bucket}.s3") for origin in distribution["Origins"]["Items"])
    )
