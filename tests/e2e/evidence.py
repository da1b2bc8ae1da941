"""What one whole life of a deployment left behind, and how a requirement looks at it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Evidence:
    """What one whole life of a deployment left behind.

    Attributes:
        plan: ``terraform show -json`` of a plan made right after the deploy.
        deploy: The JSON lines of ``inv deploy --json``.
        destroy: The JSON lines of ``inv destroy --yes --json``.
    """

    plan: Mapping[str, Any]
    deploy: tuple[Mapping[str, Any], ...]
    destroy: tuple[Mapping[str, Any], ...]

    def resources(self, type: str) -> list[Mapping[str, Any]]:
        """The applied values of every managed resource of a type."""
        return [r["values"] for r in self._resources() if r["type"] == type and r["mode"] == "managed"]

    def one(self, type: str, **wanted: str) -> Mapping[str, Any]:
        """The only resource of a type whose attributes contain the given texts."""
        found = [
            values
            for values in self.resources(type)
            if all(text in str(values.get(name)) for name, text in wanted.items())
        ]
        assert len(found) == 1, f"{len(found)} × {type} with {wanted}"
        return found[0]

    def data(self, type: str) -> list[Mapping[str, Any]]:
        """The values of every data source of a type."""
        modules = [self.plan["prior_state"]["values"]["root_module"]]
        return [r["values"] for r in _walk(modules) if r["type"] == type and r["mode"] == "data"]

    def addresses(self, type: str) -> list[str]:
        """The addresses of every managed resource of a type."""
        return [r["address"] for r in self._resources() if r["type"] == type and r["mode"] == "managed"]

    def calls(self) -> dict[str, str]:
        """Version of every public module that the configuration calls, by its source."""
        found: dict[str, str] = {}
        pending = [self.plan["configuration"]["root_module"]]
        while pending:
            for call in pending.pop().get("module_calls", {}).values():
                if "version_constraint" in call:
                    found[call["source"].removeprefix("registry.terraform.io/")] = call["version_constraint"]
                pending.append(call["module"])
        return found

    def order(self, events: str, action: str) -> dict[str, tuple[int, int]]:
        """Position of start and end of the work on each address: ``address → (start, end)``."""
        lines = [e for e in getattr(self, events) if e["type"] == "resource" and e["action"] == action]
        starts = {e["address"]: i for i, e in enumerate(lines) if e["phase"] == "started"}
        ends = {e["address"]: i for i, e in enumerate(lines) if e["phase"] == "complete"}
        return {address: (starts[address], ends[address]) for address in starts.keys() & ends.keys()}

    def check(self, id: str) -> Mapping[str, Any]:
        """The smoke checks of the deploy that show an item: one has passed, and none failed."""
        reports = [line for line in self.deploy if line["type"] == "smoke"]
        checks = [c for c in reports[-1]["checks"] if id in (c["id"], *c.get("also", ()))]
        assert checks, f"no smoke check {id}"
        assert not [check for check in checks if check["status"] == "failed"]
        passed = [check for check in checks if check["status"] == "passed"]
        assert passed, checks
        return passed[0]

    # What several requirements look at

    def distribution(self) -> Mapping[str, Any]:
        """The CloudFront distribution."""
        return self.one("aws_cloudfront_distribution")

    def function(self) -> Mapping[str, Any]:
        """The Lambda function."""
        return self.one("aws_lambda_function")

    def environment(self) -> dict[str, str]:
        """The function's variables."""
        return dict(self.function()["environment"][0]["variables"])

    def api(self) -> dict[str, Any]:
        """The OpenAPI body of the REST API."""
        body: dict[str, Any] = json.loads(self.one("aws_api_gateway_rest_api")["body"])
        return body

    def integrations(self) -> list[dict[str, Any]]:
        """The integration behind every proxied path."""
        return [
            path["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
            for path in self.api()["paths"].values()
        ]

    def statements(self) -> list[dict[str, Any]]:
        """Every statement of every policy that the function's role has."""
        documents = [
            p["policy"] for p in self.resources("aws_iam_policy") + self.resources("aws_iam_role_policy")
        ]
        return [statement for text in documents for statement in json.loads(text)["Statement"]]

    def allows(self, action: str, resource: str) -> bool:
        """Whether a statement names this action on exactly this resource."""
        return any(
            action in _list(s["Action"]) and resource in _list(s["Resource"]) and s["Effect"] == "Allow"
            for s in self.statements()
        )

    def group(self, name: str) -> str:
        """Id of the security group with this name."""
        return str(self.one("aws_security_group", name=name)["id"])

    def _resources(self) -> Iterator[Mapping[str, Any]]:
        return _walk([self.plan["planned_values"]["root_module"]])


def _walk(modules: list[Any]) -> Iterator[Mapping[str, Any]]:
    pending = list(modules)
    while pending:
        module = pending.pop()
        yield from module.get("resources", [])
        pending += module.get("child_modules", [])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
