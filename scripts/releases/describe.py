"""Releases as they are shown: the list, and one in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scripts.ago import ago
from scripts.releases.choice import Situation
from scripts.releases.record import Ending, Kind, Release, StepTime

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_STYLES = {
    Ending.SUCCEEDED: "green",
    Ending.SMOKE_FAILED: "red",
    Ending.APPLY_FAILED: "red",
    Ending.UNPROVEN: "yellow",
    Ending.UNKNOWN: "yellow",
}


@dataclass(frozen=True)
class Listing:
    """The newest releases. An `Outcome` of the console.

    Attributes:
        situation: All that is needed to say what is live and what can be brought back.
        shown: The releases to list, the newest first.
        total: Number of all records.
        place: Where the records are.
        now: The moment that "ago" counts from.
    """

    situation: Situation
    shown: Sequence[Release]
    total: int
    place: str
    now: datetime

    type = "releases"

    def to_json(self) -> dict[str, Any]:
        """One object a release, the newest first, with ``live`` and ``can_roll_back``."""
        live = self.situation.live
        return {
            "place": self.place,
            "live": live.id if live else None,
            "total": self.total,
            "releases": [
                {
                    "id": release.id,
                    "at": release.ended,
                    "kind": str(release.kind),
                    "rollback_of": release.rollback_of or None,
                    "ending": str(release.ending),
                    "by": release.by.name,
                    "revision": release.revision.commit,
                    "dirty": release.revision.dirty,
                    "image": release.image.tag,
                    "client": release.client,
                    "live": live is not None and release.id == live.id,
                    "can_roll_back": self.situation.can_return_to(release),
                }
                for release in self.shown
            ],
        }

    def __rich__(self) -> RenderableType:
        """A table, what its marks mean, and what was left out."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        if not self.shown:
            return Text(f"No release is recorded in {self.place}.")
        live = self.situation.live
        table = Table("", "Release", "When", "Who", "Outcome", "Revision", "Image", "Client", box=None,
                      pad_edge=False, header_style="dim")  # fmt: skip
        for release in self.shown:
            table.add_row(
                self._mark(release, live),
                Text(release.id),
                Text(ago(release.at, self.now)),
                Text(release.by.name),
                Text(outcome(release), _STYLES[release.ending]),
                Text(release.revision.short),
                Text(release.image.tag[:8]),
                Text(release.client[:8]),
            )
        notes = ["● live   ↩ can be brought back: inv rollback --to ID   * with changes not committed"]
        if self.situation.present.deployed and live is None:
            notes.append(
                "What is live is in none of these records: Terraform was run by hand, or a deploy failed."
            )
        if left := self.total - len(self.shown):
            notes.append(f"{left} older: inv releases --limit {self.total}")
        return Group(table, *(Text(note, "dim") for note in notes))

    def _mark(self, release: Release, live: Release | None) -> Text:
        from rich.text import Text

        if live is not None and release.id == live.id:
            return Text("●", "bold green")
        possible = release.proven and self.situation.can_return_to(release)
        return Text("↩" if possible else "", "cyan")


@dataclass(frozen=True)
class Shown:
    """One release in full. An `Outcome` of the console.

    Attributes:
        stored: The record as it is stored, whatever version of this project wrote it.
    """

    release: Release
    stored: Mapping[str, Any]
    situation: Situation
    now: datetime

    type = "release"

    def to_json(self) -> dict[str, Any]:
        """The record as stored, and what the account says of it now."""
        return {
            "record": dict(self.stored),
            "live": self._live,
            "can_roll_back": self.situation.can_return_to(self.release),
            "obstacles": list(self.situation.obstacles(self.release)),
        }

    @property
    def _live(self) -> bool:
        live = self.situation.live
        return live is not None and live.id == self.release.id

    def __rich__(self) -> RenderableType:
        """Names and values, then the failures with their evidence."""
        from rich.text import Text

        rows = [(name, value) for name, value in self._rows() if value]
        width = max(len(name) for name, _ in rows)
        lines = [
            Text.assemble((f"{name:<{width}}", "bold"), "  ", value.replace("\n", "\n" + " " * (width + 2)))
            for name, value in rows
        ]
        for check in self.release.smoke.failures:
            lines.append(Text.assemble("\n", (f"✗ {check.id} {check.title}", "bold red")))
            measured = f"measured {check.measured}" + (f", limit {check.limit}" if check.limit else "")
            lines += [Text(text) for text in (measured, check.reason) if text]
            lines += [Text(check.evidence, "dim")] if check.evidence else []
        if self.release.smoke.function_log:
            lines.append(Text("\nLast log lines of the function", "bold"))
            lines += [Text(line, "dim") for line in self.release.smoke.function_log]
        return Text("\n").join(lines)

    def _rows(self) -> list[tuple[str, str]]:
        it = self.release
        versions = it.versions
        ci = " ".join(it.by.ci.get(name, "") for name in ("system", "url")).strip()
        return [
            ("release", it.id),
            ("outcome", outcome(it)),
            ("now", self._now()),
            ("ended", f"{it.ended} ({ago(it.at, self.now)})"),
            ("started", it.started),
            ("by", ", ".join(dict.fromkeys(part for part in (it.by.name, it.by.user, it.by.arn) if part))),
            ("CI", ci),
            ("revision", f"{it.revision.commit} on {it.revision.branch}" + _dirty(it)),
            ("image", f"{it.image.tag} ({it.image.platform})\n{it.image.uri or it.image.digest}".strip()),
            ("built from", " ".join(part for part in (it.image.base, it.image.base_digest) if part)),
            ("client", it.client),
            ("configuration", it.config_version),
            ("infrastructure", it.infrastructure),
            ("plan", ", ".join(f"{number} to {action}" for action, number in it.plan.items() if number)),
            ("smoke", _smoke(it)),
            ("LibreChat", versions.librechat),
            ("runner", versions.runner),
            ("Terraform", versions.terraform),
            ("providers", "\n".join(f"{name} {version}" for name, version in versions.providers.items())),
            ("stand-ins of" if versions.stand_ins else "modules", _modules(it)),
            ("steps", "\n".join(_step(step) for step in it.steps)),
            ("error", it.error),
        ]  # fmt: skip

    def _now(self) -> str:
        if self._live:
            return "live"
        if self.situation.can_return_to(self.release):
            but = "" if self.release.proven else ", though it was never proven"
            return f"can be brought back{but}: inv rollback --to {self.release.id}"
        return "cannot be brought back: " + "; ".join(
            self.situation.obstacles(self.release) or ("its image and client are live",)
        )


def outcome(release: Release) -> str:
    """The ending in words, and what a rollback brought back."""
    words = release.ending.replace("_", " ")
    if release.kind is Kind.ROLLBACK:
        return f"rollback to {release.rollback_of.partition('-')[0]}: {words}"
    return words


def _dirty(release: Release) -> str:
    return ", with changes not committed" if release.revision.dirty else ""


def _modules(release: Release) -> str:
    return "\n".join(
        dict.fromkeys(f"{module.source} {module.version}" for module in release.versions.modules)
    )


def _step(step: StepTime) -> str:
    return f"{step.took:7.1f} s  {step.name}" + (f" ({step.note})" if step.note else "")


def _smoke(release: Release) -> str:
    smoke = release.smoke
    counts = {"passed": smoke.passed, "failed": smoke.failed, "not checked": smoke.not_checked}
    if not any(counts.values()):
        return "not run"
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    return f"{said} in {smoke.seconds:.1f} s"
