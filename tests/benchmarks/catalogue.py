"""Which benchmarks there are. Light: listing them imports none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from scripts.errors import DeployError
from tests.benchmarks.figures import Arguments, Results


@dataclass(frozen=True)
class Entry:
    """One benchmark.

    Attributes:
        module: Holds ``run(arguments: Arguments) -> Results``.
        rounds: How many are taken unless asked otherwise.
        takes: About how long that is, with all that is needed installed.
    """

    module: str
    summary: str
    rounds: int
    takes: str

    @property
    def run(self) -> Callable[[Arguments], Results]:
        """The benchmark itself."""
        found: Callable[[Arguments], Results] = import_module(f"tests.benchmarks.{self.module}").run
        return found


CATALOGUE = {
    "handler": Entry("handler_streaming", "the handler's streams beside other adapters", 15, "3 min"),
    "coldstart": Entry("cold_start", "from the start of the process to the first byte", 7, "1 min"),
    "deploy": Entry("deploy", "inv deploy beside terraform apply and plan", 3, "25 min"),
    "edge": Entry("edge", "the local target's edge and Lambda runtime beside their limits", 3, "7 min"),
    "growth": Entry("growth", "plans by number of files, streams by number at once", 3, "4 min"),
    "publish": Entry("publish", "inv frontend.publish beside aws s3 sync and aws_s3_object", 3, "12 min"),
}


def chosen(names: str) -> list[str]:
    """The benchmarks that the command line names: ``handler,coldstart``, or ``all``.

    Raises:
        DeployError: for a name that none has.
    """
    wanted = list(CATALOGUE) if names == "all" else [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in CATALOGUE]
    if unknown:
        raise DeployError(
            f"There is no benchmark called {', '.join(unknown)}",
            f"There are {', '.join(CATALOGUE)}.",
            "Run `inv bench list` to see what each measures.",
        )
    return wanted
