"""The commands that touch a deployment, one module a command.

Each is an order of steps over a `Session` and the decisions between them; the work itself is done
elsewhere.
"""

from scripts.pipeline.deploy import deploy
from scripts.pipeline.destroy import destroy
from scripts.pipeline.looks import doctor, outputs, smoke, status
from scripts.pipeline.plan import plan

__all__ = ["deploy", "destroy", "doctor", "outputs", "plan", "smoke", "status"]
