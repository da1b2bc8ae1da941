"""The commands that touch a deployment, one module a command.

Each is an order of steps over a `Session` and the decisions between them; the work itself is done
elsewhere.
"""

from scripts.pipeline.deploy import deploy
from scripts.pipeline.destroy import destroy
from scripts.pipeline.doctor import doctor
from scripts.pipeline.logs import logs
from scripts.pipeline.looks import drift, outputs, status
from scripts.pipeline.plan import plan
from scripts.pipeline.releases import releases
from scripts.pipeline.rollback import rollback
from scripts.pipeline.smoke import smoke
from scripts.pipeline.unlock import unlock

__all__ = [
    "deploy",
    "destroy",
    "doctor",
    "drift",
    "logs",
    "outputs",
    "plan",
    "releases",
    "rollback",
    "smoke",
    "status",
    "unlock",
]
