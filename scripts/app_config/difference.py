"""What a push would change in the bucket: a unified diff in which no secret can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from scripts.app_config.secrets_in_clear import mask

if TYPE_CHECKING:
    from rich.console import RenderableType

_CONTEXT = 3


@dataclass(frozen=True)
class ConfigDiff:
    """The difference between the bucket and a file. An `Outcome` of the console.

    Attributes:
        location: The object, ``s3://bucket/key``.
        source: The file, as its reader knows it.
        lines: A unified diff without its two header lines; empty when nothing differs.
        replaced: How many times the old domain was replaced in the file.
        new: Whether there is no object yet.
    """

    location: str
    source: str
    lines: tuple[str, ...]
    replaced: int = 0
    new: bool = False

    type = "config_diff"

    @property
    def changed(self) -> bool:
        """Whether a push would upload."""
        return self.new or bool(self.lines)

    def to_json(self) -> dict[str, Any]:
        """The two sides, whether they differ, and the diff as one text."""
        return {
            "location": self.location,
            "source": self.source,
            "changed": self.changed,
            "new": self.new,
            "domains_replaced": self.replaced,
            "diff": "\n".join((*self._header(), *self.lines)) if self.changed else "",
        }

    def __rich__(self) -> RenderableType:
        """The diff in the usual colours; one line when there is none."""
        from rich.text import Text

        if not self.changed:
            return Text(f"{self.location} already holds {self.source}{self._domains()}.", "green")
        colours = {"-": "red", "+": "green", "@": "cyan"}
        shown = [Text(line, "bold") for line in self._header()]
        shown += [Text(line, colours.get(line[:1], "")) for line in self.lines]
        return Text("\n").join(shown)

    def _header(self) -> tuple[str, str]:
        return f"--- {'/dev/null' if self.new else self.location}", f"+++ {self.source}{self._domains()}"

    def _domains(self) -> str:
        return f" ({self.replaced} × domain replaced)" if self.replaced else ""


def compare(
    stored: str | None, prepared: str, *, location: str, source: str, replaced: int = 0
) -> ConfigDiff:
    """The difference between what is in the bucket, if anything, and what would be uploaded."""
    lines = tuple(_unified(stored or "", prepared))
    if stored is not None and stored != prepared and not lines:
        lines = ("@@ only the ends of lines differ @@",)
    return ConfigDiff(location, source, lines, replaced, stored is None)


def _unified(old: str, new: str) -> Iterator[str]:
    """A unified diff that compares the true lines and shows the masked ones.

    So a secret that was replaced by another is seen as a change, and neither is seen.
    """
    before, after = _lines(old), _lines(new)
    masked_before, masked_after = _lines(mask(old)), _lines(mask(new))
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT):
        (_, old_from, _, new_from, _), (_, _, old_to, _, new_to) = group[0], group[-1]
        yield f"@@ -{_range(old_from, old_to)} +{_range(new_from, new_to)} @@"
        for operation, old_start, old_end, new_start, new_end in group:
            if operation == "equal":
                yield from (f" {line}" for line in masked_after[new_start:new_end])
            else:
                yield from (f"-{line}" for line in masked_before[old_start:old_end])
                yield from (f"+{line}" for line in masked_after[new_start:new_end])


def _lines(text: str) -> list[str]:
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def _range(start: int, end: int) -> str:
    """https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html"""
    length = end - start
    return f"{start + (length > 0)},{length}" if length != 1 else f"{start + 1}"
