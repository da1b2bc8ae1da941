"""The Markdown of ``--summary``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.losses import Loss, Losses
from scripts.summary import Summary
from scripts.summary.markdown import LIMIT

COUNTS = {"add": 0, "change": 0, "replace": 0, "destroy": 0, "forget": 0}
ERROR = {"type": "error", "what": "It failed", "why": "", "next_step": "", "status": 1, "evidence": ""}


def rendered(*events: dict[str, Any], status: ExitStatus = ExitStatus.OK) -> str:
    summary = Summary(Path("unused"), "deploy")
    summary.where = "aws, environment dev"
    for event in events:
        summary.add(event)
    return summary.render(status)


def plan(*changes: tuple[str, str]) -> dict[str, Any]:
    counts = COUNTS | {action: sum(a == action for a, _ in changes) for action in COUNTS}
    listed = [{"address": x, "action": a, "attributes": ["size"], "forced_by": []} for a, x in changes]
    return {
        "type": "plan",
        "empty": not changes,
        "counts": counts,
        "changes": listed,
        "outputs": [],
        "drift": [],
    }


def smoke(*checks: dict[str, Any]) -> dict[str, Any]:
    counts = dict.fromkeys(("passed", "failed", "not_checked"), 0)
    for check in checks:
        counts[check["status"].replace(" ", "_")] += 1
    return {"type": "smoke", "checks": list(checks), "function_log": [], **counts}


def check(id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "title": f"title of {id}", "status": status, **more}


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "step", "name": name, "took": 1.25, **more}


@pytest.mark.parametrize(("status", "mark"), [(0, "✅"), (2, "🔶"), (1, "❌"), (4, "❌"), (130, "❌")])
def test_the_heading_says_how_the_run_ended(status: int, mark: str) -> None:
    heading = rendered(status=ExitStatus(status)).splitlines()[0]
    assert heading.startswith(f"## {mark} `inv deploy` → aws, environment dev: ")
    assert heading.endswith(f"(exit status {status})")


def test_what_ended_the_run_comes_before_how_it_went() -> None:
    text = rendered(step("check tools"), plan(("add", "a.b")), ERROR, status=ExitStatus.FAILED)
    assert text.index("It failed") < text.index("a.b") < text.index("check tools")


def test_a_deploy_ends_with_its_address_and_its_release() -> None:
    deployed = {"type": "deployed", "url": "https://x.test", "changed": "1 to add", "total": 61.4}
    text = rendered(
        deployed, {"type": "recorded", "release": "20260102T030405Z-1a2b3c", "ending": "succeeded"}
    )
    assert "<https://x.test>" in text
    assert "In 61 s: 1 to add" in text
    assert "`20260102T030405Z-1a2b3c` (succeeded)" in text


def test_what_destroys_stands_open_and_first_while_many_additions_are_folded() -> None:
    text = rendered(plan(*[("add", f"new.n{n}") for n in range(20)], ("destroy", "old.one")))
    assert "**20 to add, 1 to destroy**" in text
    assert (
        text.index("old.one") < text.index("<details>\n<summary>20 to add</summary>") < text.index("new.n0")
    )


def test_a_plan_without_changes_says_so() -> None:
    assert "No changes" in rendered(plan())


def test_failed_checks_come_first_with_their_evidence_folded() -> None:
    failed = check(
        "SC-003", "failed", measured="403", reason="origin_path is missing", evidence="HTTP 403 <b>"
    )
    text = rendered(smoke(check("US1.1", "passed", measured="200"), failed, check("US2", "not checked")))
    assert "**1 passed, 1 failed, 1 not checked**" in text
    assert text.index("SC-003") < text.index("US2") < text.index("US1.1")
    assert "<summary>Evidence of SC-003</summary>\n\n<pre>\nHTTP 403 &lt;b&gt;\n</pre>\n\n</details>" in text


def test_the_verdict_and_what_failed_stand_open_and_all_checks_are_folded_with_the_timeline() -> None:
    details = {"arrivals_ms": [100.0, 200.0, 300.0, 400.0], "interval_ms": 100, "expected": 4}
    text = rendered(
        smoke(
            check("SC-004", "passed", details=details, limit="progressive"),
            check("SC-003", "failed", measured="403", limit="200", reason="origin_path is missing"),
        )
    )
    assert "1 of 2 checks failed: **1 passed, 1 failed**" in text
    assert "❌ **SC-003 title of SC-003**: measured 403, limit 200\n\norigin\\_path is missing" in text
    assert text.index("origin\\_path") < text.index("<summary>All checks</summary>")
    timeline = text[text.index("<summary>How the streams arrived</summary>\n\n<pre>\nSC-004") :]
    assert timeline.count("│") >= 4


def test_what_a_server_sent_makes_no_markup_in_the_checks_either() -> None:
    hostile = "a|b `code` <img src=x> @team **bold** \x1b[31m"
    values = dict.fromkeys(("measured", "limit", "reason", "evidence"), hostile)
    details = {"arrivals_ms": [1.0], "verdict": "</pre><script>"}
    text = rendered(
        smoke(check("X", "failed", **values), check("Y", "passed", details=details, title=hostile))
    )
    assert "<img" not in text and "<script" not in text and "\x1b" not in text
    outside = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
    assert "`code`" not in outside and "@team" not in outside and "**bold**" not in outside
    row = next(line for line in text.splitlines() if line.startswith("| ❌"))
    assert row.replace("\\|", "").count("|") == 7


def test_the_steps_stand_at_the_end_with_their_times_and_the_failed_one_marked() -> None:
    text = rendered(step("build image", note="cached"), step("terraform apply", failed=True))
    assert "| ✅ | build image | 1.2 s | cached |" in text
    assert "| ❌ | terraform apply | 1.2 s |  |" in text


def test_drift_shows_each_value_and_what_is_gone() -> None:
    resources = [
        {"address": "a.gone", "action": "deleted", "attributes": []},
        {
            "address": "a.b",
            "action": "changed",
            "attributes": [{"path": "timeout", "before": 9, "after": None}],
        },
    ]
    text = rendered({"type": "drift", "resources": resources, "checked": 5, "incomplete": "why"})
    assert "| `a.gone` |  |  | **gone** |" in text
    assert "| `a.b` | `timeout` | `9` | (none) |" in text
    assert "Not everything could be compared: why" in text


def test_no_drift_in_a_part_is_not_called_no_drift() -> None:
    text = rendered({"type": "drift", "resources": [], "checked": 5, "incomplete": "why"})
    assert "5 resources" not in text


def test_checks_before_a_deploy_show_what_to_do_and_fold_what_is_well() -> None:
    checks = [
        {"name": "VPC", "status": "ok", "found": "there", "remedy": ""},
        {"name": "disk", "status": "failed", "found": "full", "remedy": "make room"},
    ]
    counts = {"ok": 1, "warning": 0, "failed": 1, "not checked": 0}
    text = rendered({"type": "doctor", "checks": checks, "counts": counts})
    assert "| ❌ | disk | full | make room |" in text
    assert text.index("disk") < text.index("<summary>1 ok</summary>") < text.index("VPC")


def test_leftovers_and_losses_of_a_destroy_are_tables() -> None:
    left = {"clean": False, "checked": ["S3 bucket"], "leftovers": [{"kind": "S3 bucket", "name": "b"}]}
    files = Loss("files", "bucket", 3, "object", 5_600_000, at_least=True)
    log = Loss("log", "group", size=1500)
    images = Loss("images", "repository", reason="denied")
    text = rendered(
        {"type": "losses", **Losses((files, log, images), "3 versions").to_json()},
        {"type": "inventory", "unchecked": {"IAM role": "denied"}, **left},
    )
    for part in (
        "| files | `bucket` | more than 3 objects, 5.6 MB |",
        "| log | `group` | 1.5 kB |",
        "| images | `repository` | could not be counted: denied |",
        "3 versions",
        "| ❌ | S3 bucket | `b` |",
        "could not be checked",
    ):
        assert part in text


def test_text_from_elsewhere_makes_no_markup_and_mentions_nobody() -> None:
    hostile = "a|b\n@team <img src=x> [x](http://y) **bold** #12"
    text = rendered(step(hostile), ERROR | {"what": hostile, "evidence": "</pre></details><script>"})
    assert "<img" not in text and "<script" not in text
    assert "@team" not in text and "[x](http" not in text and " #12" not in text
    row = next(line for line in text.splitlines() if "1.2 s" in line)
    assert row.replace("\\|", "").count("|") == 5


def test_a_long_text_is_cut_between_lines_with_everything_closed_and_says_so() -> None:
    evidence = "\n".join(f"line {n} " + "x" * 80 for n in range(2000))
    text = rendered(ERROR | {"evidence": evidence}, status=ExitStatus.FAILED)
    assert len(text) <= LIMIT
    assert text.count("<details>") == text.count("</details>")
    assert text.count("<pre>") == text.count("</pre>")
    assert "cut here" in text


def test_one_endless_line_is_cut_as_well() -> None:
    assert len(rendered(ERROR | {"evidence": "x" * 100_000})) <= LIMIT


def test_a_summary_is_appended_to_what_other_steps_wrote(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    assert Summary(file, "plan").write(ExitStatus.OK) == ""
    assert file.read_text().startswith("before\n## ✅ `inv plan`")


def test_a_file_that_cannot_be_written_stops_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="cannot be written") as failure:
        Summary(tmp_path / "missing" / "summary.md", "plan").require_writable()
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_file_that_fails_at_the_end_is_a_remark_and_no_failure(tmp_path: Path) -> None:
    assert "was not written" in Summary(tmp_path / "missing" / "s.md", "plan").write(ExitStatus.OK)


def test_the_console_tells_its_listener_the_events_of_both_modes(tmp_path: Path) -> None:
    for json_lines in (True, False):
        heard: list[dict[str, Any]] = []
        with (tmp_path / "out").open("w") as out:
            console = Console(json_lines=json_lines, listener=heard.append, stdout=out, stderr=out)
            console.warn("careful")
            console.error(DeployError("It failed"))
        assert [event["type"] for event in heard] == ["warning", "error"]
        lines = (tmp_path / "out").read_text().splitlines()
        assert not json_lines or [json.loads(line) for line in lines] == heard


def test_a_watch_is_counted_and_names_what_failed_in_it() -> None:
    good = check("US1.1", "passed", failed=0)
    once = check("SC-004", "passed", failed=1)
    watched = {"type": "smoke.watch", "seconds": 180.0, "runs": 3, "failed_runs": 1, "checks": [good, once]}
    text = rendered(watched)
    assert "**3 runs, 1 failed** in 180 s" in text
    assert "| ✅ | SC-004 | title of SC-004 | 1 |" in text
    assert "US1.1" not in text
