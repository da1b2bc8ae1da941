"""The items of the specification that no smoke check shows, and what shows them instead.

The others carry their check: `scripts.smoke.checks`. A test holds both against the whole specification and
against the table in docs/smoke.md.
"""

from __future__ import annotations

from collections.abc import Mapping

_PLAN = "tests/e2e/test_requirements.py holds it against what Terraform applied."

ELSEWHERE: Mapping[str, str] = {
    "FR-002": f"A setting of the bucket, which no viewer sees. {_PLAN}",
    "FR-004": f"How the Terraform is written. {_PLAN}",
    "FR-005": f"How the Terraform is written. {_PLAN}",
    "FR-006": f"What the image is built from. {_PLAN}",
    "FR-007": "Inside the image: tests/integration/test_handler_under_ric.py runs the handler under it.",
    "FR-011": f"The stage is hidden from viewers on purpose. {_PLAN}",
    "FR-012": f"Matters when the deployment is destroyed. {_PLAN}",
    "FR-016": f"How the deployment is made. {_PLAN}",
    "FR-017": f"How the Terraform is written. {_PLAN}",
    "FR-018": f"How the Terraform is written. {_PLAN}",
    "FR-019": f"The order of Terraform's work. {_PLAN}",
    "FR-025": f"No viewer may see it. {_PLAN}",
    "FR-026": f"The function does not start without the file (SC-003). {_PLAN}",
    "FR-028": f"A setting of the VPC. {_PLAN}",
    "FR-029": f"A permission of the function, which does not start without it (SC-003). {_PLAN}",
    "FR-030": f"An upload needs a login, and would stay in the users' bucket. {_PLAN}",
    "FR-032": f"No viewer may see it. {_PLAN}",
    "FR-033": f"A permission of the function. {_PLAN}",
    "FR-034": f"How the Terraform is written. {_PLAN}",
    "FR-035": f"Behind the function: with USE_REDIS the app ends when there is none (SC-003). {_PLAN}",
    "FR-036": f"How the Terraform is written. {_PLAN}",
    "FR-037": f"A setting of Redis. {_PLAN}",
    "FR-038": f"A setting of Redis. {_PLAN}",
    "FR-040": f"Behind the function, as FR-035. {_PLAN}",
    "FR-041": f"Behind the function, as FR-035. {_PLAN}",
    "SC-001": "Shown by the deploy that the checks follow: tests/e2e/test_deploy.py.",
    "SC-005": "`inv destroy` looks into the account afterwards: tests/e2e/test_requirements.py.",
    "SC-006": "Counted by tests/integration/test_terraform_static.py.",
}
