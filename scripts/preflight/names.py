"""The custom domain: its hosted zone, and who has it already.

A record or a distribution of ours is fine, anybody else's stops Terraform in the middle of an apply.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from scripts.aws import Aws, error_code
from scripts.preflight.buckets import CLIENT
from scripts.preflight.model import Finding, failed, ok, warning, worst
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Domain"

Described = Mapping[str, Any]

_CLAIMING = ("A", "AAAA", "CNAME")
"""Records that answer for a name; a CNAME forbids any other beside it."""


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """The zone, then what it and CloudFront say of the domain."""
    yield Probe(GROUP, "hosted zone", lambda: _zone(settings, aws), needs)
    yield Probe(GROUP, "custom domain", lambda: _domain(settings, aws), (*needs, "hosted zone"))


def lies_in(domain: str, zone: str) -> bool:
    """Whether a zone can hold a record of this name: it is the zone's own name, or below it."""
    domain, zone = _plain(domain), _plain(zone)
    return domain == zone or domain.endswith(f".{zone}")


def judge_domain(
    domain: str,
    records: Iterable[Described],
    distributions: Collection[Described],
    *,
    ours: Callable[[Described], bool],
    has_state: Callable[[], bool],
) -> Finding:
    """Whether Terraform could give the domain to its distribution, or has done so.

    Args:
        domain: The custom domain.
        records: Records of the zone that have its name.
        distributions: The account's distributions that have it as an alias.
        ours: Whether Terraform made a distribution.
        has_state: Asked only when the record leads to no distribution that we know.
    """
    problems = [
        failed(
            f"distribution {distribution['Id']}, which is not ours, has {domain} as an alias",
            "Remove the alias there, or choose another custom_domain: CloudFront gives an alias once.",
        )
        for distribution in distributions
        if not ours(distribution)
    ]
    addresses = {_plain(d["DomainName"]) for d in distributions if ours(d)}
    strangers = [record for record in records if _leads_to(record) not in addresses]
    for record in strangers:
        found = f"{domain} has a record {record['Type']} that leads to {_leads_to(record) or 'addresses'}"
        if _leads_to(record).endswith(".cloudfront.net") and has_state():
            problems.append(
                warning(
                    f"{found}, no distribution of ours; it may be what is left of one",
                    "Nothing if the record is in Terraform's state; else delete it.",
                )
            )
        else:
            problems.append(
                failed(
                    f"{found}: somebody else's, which Terraform refuses to replace",
                    "Delete the record once nobody uses it, or choose another custom_domain.",
                )
            )
    taken = f"{domain} leads to our distribution" if addresses else f"{domain} is free"
    return worst(problems, ok(taken))


def _zone(settings: Settings, aws: Aws) -> Finding:
    zone_id, domain = settings.tfvars["route53_zone_id"], settings.tfvars["custom_domain"]
    remedy = "Correct route53_zone_id or custom_domain in terraform.tfvars.json."
    try:
        zone = aws.client("route53").get_hosted_zone(Id=zone_id)["HostedZone"]
    except Exception as error:
        if error_code(error) == "NoSuchHostedZone":
            return failed(f"{zone_id} does not exist in this account", remedy)
        raise
    name = _plain(zone["Name"])
    if zone["Config"].get("PrivateZone"):
        return failed(f"{zone_id} ({name}) is private: no viewer could resolve {domain}", remedy)
    if not lies_in(domain, name):
        return failed(f"{domain} does not lie in {name} ({zone_id})", remedy)
    return ok(f"{name} ({zone_id}) is public and can hold {domain}")


def _domain(settings: Settings, aws: Aws) -> Finding:
    from scripts.state import state_of

    domain = settings.tfvars["custom_domain"]
    bucket = f"{CLIENT.format(environment=settings.environment)}."

    def ours(distribution: Described) -> bool:
        origins = distribution.get("Origins", {}).get("Items", ())
        return any(origin["DomainName"].startswith(bucket) for origin in origins)

    return judge_domain(
        domain,
        _records(aws, settings.tfvars["route53_zone_id"], domain),
        _distributions(aws, domain),
        ours=ours,
        has_state=lambda: state_of(settings, aws).has_state(),
    )


def _records(aws: Aws, zone_id: str, domain: str) -> list[Described]:
    # Records come sorted by name, those of one name together; no name has more types than this.
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
    listed = aws.client("route53").list_resource_record_sets(
        HostedZoneId=zone_id, StartRecordName=domain, MaxItems="50"
    )
    return [
        record
        for record in listed["ResourceRecordSets"]
        if _plain(record["Name"]) == _plain(domain) and record["Type"] in _CLAIMING
    ]


def _distributions(aws: Aws, domain: str) -> list[Described]:
    pages = aws.client("cloudfront").get_paginator("list_distributions").paginate()
    return [
        distribution
        for page in pages
        for distribution in page.get("DistributionList", {}).get("Items", ())
        if domain in distribution.get("Aliases", {}).get("Items", ())
    ]


def _leads_to(record: Described) -> str:
    """The name that a record leads to; empty for plain addresses."""
    if record["Type"] == "CNAME":
        return _plain(next((value["Value"] for value in record.get("ResourceRecords", ())), ""))
    return _plain(record.get("AliasTarget", {}).get("DNSName", ""))


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
