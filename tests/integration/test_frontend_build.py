"""The client built from a checkout: with real npm workspaces, once for each content."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from scripts import frontend, npm
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.frontend import librechat
from scripts.progress import Notice, Stage, ignored
from scripts.settings import PROJECT_ROOT, Settings
from tests.events import require_documented
from tests.integration import librechat_workspace
from tests.integration.librechat_workspace import Workspace

pytestmark = pytest.mark.integration

_DRIVER = """
import json, sys
from pathlib import Path
import dataclasses, yaml
from scripts import frontend
from scripts.processes import interruptible
from scripts.settings import Settings

source, root = sys.argv[1:]
settings = Settings.load(yaml.safe_load(Path("invoke.yaml").read_text()), **{"librechat.source": source})
with interruptible():
    dist = frontend.build(dataclasses.replace(settings, project_root=Path(root)))
print(json.dumps({"cached": dist.cached, "hash": dist.content_hash}))
"""


@pytest.fixture(autouse=True)
def room_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """These workspaces build on machines that LibreChat does not."""
    monkeypatch.setattr(librechat, "NEEDS", librechat.Needs(memory=0, disk=0))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """As cloned: nothing is installed."""
    return librechat_workspace.make(tmp_path_factory.mktemp("fresh") / "LibreChat")


@pytest.fixture(scope="module")
def built(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Installed, with its packages built; `npm run frontend` builds nothing but client/, in a second."""
    workspace = fresh.copy(tmp_path_factory.mktemp("built") / "LibreChat")
    npm.install(workspace.directory, ignored)
    npm.run(workspace.directory, "frontend", [], ignored)
    workspace.change_package("package.json", scripts={"frontend": "cd client && node build.cjs"})
    workspace.commit()
    return workspace


@pytest.fixture
def checkout(built: Workspace, tmp_path: Path) -> Workspace:
    return built.copy(tmp_path / "LibreChat")


@pytest.fixture
def settings(default_settings: Settings, checkout: Workspace, tmp_path: Path) -> Settings:
    given = dataclasses.replace(default_settings.librechat, source=str(checkout.directory))
    return dataclasses.replace(default_settings, librechat=given, project_root=tmp_path / "project")


def page(dist: frontend.Dist) -> str:
    """The text of the one script that index.html names."""
    return next(dist.path.glob("assets/index.*.js")).read_text()


def from_checkout(settings: Settings, workspace: Workspace) -> Settings:
    given = dataclasses.replace(settings.librechat, source=str(workspace.directory))
    return dataclasses.replace(settings, librechat=given)


def test_workspaces_are_installed_and_built_in_order_and_the_result_is_kept(
    settings: Settings, fresh: Workspace, tmp_path: Path
) -> None:
    checkout = fresh.copy(tmp_path / "fresh")
    settings = from_checkout(settings, checkout)
    lines: list[str] = []

    first = frontend.build(settings, lines.append)
    second = frontend.build(settings)

    assert "hello, built" in page(first)
    assert (first.cached, second.cached) == (False, True)
    assert first.content_hash == second.content_hash == frontend.source_hash(settings)
    assert [str(line) for line in lines if isinstance(line, Stage)] == [
        "installing packages",
        "building packages",
        "building data-provider",
        "building api",
        "building client",
        "building client: transforming",
        "building client: rendering chunks",
    ]
    assert (first.kind, first.commit) == ("checkout", checkout.head)
    assert first.log is not None
    assert "> librechat-data-provider@0.8.220 build" in first.log.read_text()


def test_a_changed_client_is_another_content_and_a_changed_checkout_says_so(
    settings: Settings, checkout: Workspace
) -> None:
    first = frontend.build(settings)
    checkout.write("packages/api/dist/index.js", "exports.message = 'good morning'")
    checkout.write("packages/api/build.cjs", "// changed")

    second = frontend.build(settings)

    assert not second.cached
    assert "good morning" in page(second)
    assert "hello, built" in page(first)
    assert second.commit == f"{checkout.head}-dirty"


@pytest.mark.parametrize(
    "path", ["api/server/index.js", "client/dist/index.html", "client/node_modules/x/index.js", ".git/x"]
)
def test_what_the_client_is_not_made_from_does_not_count(
    settings: Settings, checkout: Workspace, path: str
) -> None:
    before = frontend.source_hash(settings)

    checkout.write(path, "changed")

    assert frontend.source_hash(settings) == before


def test_a_variable_that_vite_reads_is_another_content(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = frontend.build(settings)
    monkeypatch.setenv("VITE_SUFFIX", "!")

    second = frontend.build(settings)

    assert first.content_hash != second.content_hash
    assert "hello, built!" in page(second)


def test_node_gets_a_heap_that_is_large_enough_unless_its_size_was_chosen(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--no-warnings")
    chosen_by_us: list[str] = []
    frontend.build(settings, chosen_by_us.append)
    monkeypatch.setenv("NODE_OPTIONS", "--max_old_space_size=300")
    monkeypatch.setenv("VITE_SUFFIX", "again")
    chosen_by_you: list[str] = []
    frontend.build(settings, chosen_by_you.append)

    assert "options --no-warnings --max-old-space-size=4096" in chosen_by_us
    assert "options --max_old_space_size=300" in chosen_by_you


def test_a_failed_build_shows_its_end_names_its_log_and_leaves_nothing_else(
    settings: Settings, checkout: Workspace
) -> None:
    checkout.change_package("package.json", scripts={"frontend": "echo no such plugin >&2; exit 3"})

    with pytest.raises(DeployError, match="npm run frontend") as failure:
        frontend.build(settings)

    assert "no such plugin" in failure.value.evidence
    log = Path(failure.value.facts["log"])
    assert str(log) in failure.value.next_step
    assert "no such plugin" in log.read_text()
    frontends = settings.project_root / ".build" / "frontend"
    assert [path.name for path in frontends.iterdir()] == [".lock"]


def test_the_stage_that_failed_is_shown(settings: Settings, checkout: Workspace) -> None:
    checkout.change_package("package.json", scripts={"frontend": "exit 3"})
    out, events = io.StringIO(), io.StringIO()

    for console in (Console(stdout=out), Console(json_lines=True, stdout=events)):
        with pytest.raises(DeployError) as failure:
            frontend.build_shown(settings, console)
        console.error(failure.value)

    assert "✗ building packages" in out.getvalue()
    step, error = [json.loads(line) for line in events.getvalue().splitlines()]
    require_documented([step, error])
    assert (step["type"], step["name"], step["failed"]) == ("step", "building packages", True)
    assert error["log"].endswith(".log")


def test_a_page_that_names_a_file_that_is_not_there_is_not_a_build(
    settings: Settings, checkout: Workspace
) -> None:
    index = '<script src="assets/index.HASH.js"></script><link rel="stylesheet" href="assets/gone.css">'
    checkout.write("client/index.html", index)

    with pytest.raises(DeployError, match="not whole") as failure:
        frontend.build(settings)

    assert "/assets/gone.css" in failure.value.why
    assert "index.HASH" not in failure.value.why


def test_what_an_earlier_build_left_in_the_checkout_is_not_taken_for_this_one(
    settings: Settings, checkout: Workspace
) -> None:
    checkout.write("client/dist/index.html", "old")
    checkout.change_package("package.json", scripts={"frontend": "true"})

    with pytest.raises(DeployError, match=r"left no index\.html"):
        frontend.build(settings)


def test_a_checkout_that_changes_while_it_is_built_is_not_published(
    settings: Settings, checkout: Workspace
) -> None:
    script = "cd client && node build.cjs && echo // edited >> build.cjs"
    checkout.change_package("package.json", scripts={"frontend": script})

    with pytest.raises(DeployError, match="changed while it was built"):
        frontend.build(settings)


def test_a_directory_that_is_not_librechat_is_refused(settings: Settings, checkout: Workspace) -> None:
    checkout.write("package.json", '{"scripts": {}}')

    with pytest.raises(DeployError, match="not a checkout of LibreChat") as failure:
        frontend.source_hash(settings)

    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_node_that_the_release_does_not_want_is_refused_before_anything_is_installed(
    settings: Settings, fresh: Workspace, tmp_path: Path
) -> None:
    checkout = fresh.copy(tmp_path / "fresh")
    settings = from_checkout(settings, checkout)
    checkout.change_package("package.json", engines={"node": ">=99"})

    with pytest.raises(DeployError, match="not the one that LibreChat asks for") as failure:
        frontend.build(settings)

    assert ">=99" in failure.value.why
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    assert not (checkout.directory / "node_modules").exists()


def test_a_machine_without_the_memory_is_told_the_numbers_before_minutes_of_work(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODE_OPTIONS", raising=False)
    monkeypatch.setattr(librechat, "NEEDS", librechat.Needs(memory=10**15, disk=0))

    with pytest.raises(DeployError, match="not enough memory") as failure:
        frontend.build(settings)

    assert "1000000.0 GB" in failure.value.why
    assert "INVOKE_FRONTEND_FROM_IMAGE" in failure.value.next_step
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_whoever_sizes_the_heap_may_try_with_less_memory(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(librechat, "NEEDS", librechat.Needs(memory=10**15, disk=0))
    monkeypatch.setenv("NODE_OPTIONS", "--max-old-space-size=1000")
    lines: list[str] = []

    frontend.build(settings, lines.append)

    assert [line for line in lines if isinstance(line, Notice)]


def test_a_disk_without_room_for_the_packages_is_told_the_numbers(
    settings: Settings, checkout: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(checkout.directory / "node_modules")
    monkeypatch.setattr(librechat, "NEEDS", librechat.Needs(memory=0, disk=10**18))

    with pytest.raises(DeployError, match="room on the disk") as failure:
        frontend.build(settings)

    assert "1000000000.0 GB" in failure.value.why


def test_programs_get_the_stages_and_every_fact_of_the_result(
    settings: Settings, checkout: Workspace
) -> None:
    out = io.StringIO()
    console = Console(json_lines=True, stdout=out)

    console.show(frontend.build_shown(settings, console))

    events = [json.loads(line) for line in out.getvalue().splitlines()]
    require_documented(events)
    *steps, result = events
    assert [event["name"] for event in steps] == ["building packages"]
    assert {event["type"] for event in steps} == {"step"}
    del result["time"], result["seconds"]
    dist = frontend.build(settings)
    assert result == {
        "type": "frontend.build",
        "directory": str(dist.path),
        "hash": dist.content_hash,
        "source": "checkout",
        "made_from": str(checkout.directory),
        "commit": checkout.head,
        "cached": False,
        "files": 2,
        "bytes": sum(path.stat().st_size for path in dist.files),
        "log": str(dist.log),
    }


def test_people_see_what_was_built_from_what(settings: Settings, checkout: Workspace) -> None:
    out = io.StringIO()
    console = Console(stdout=out)

    console.show(frontend.build_shown(settings, console))
    console.show(frontend.build_shown(settings, console, every_line=True))

    text = out.getvalue()
    assert "✓ building packages" in text
    assert "2 files" in text
    assert str(checkout.directory) in text
    assert "found built" in text
    assert "rendering chunks..." not in text
    assert ".build/logs/frontend-" in text


def test_two_builds_at_once_are_one_build(settings: Settings) -> None:
    both = [driver(settings) for _ in range(2)]

    answers = [json.loads(process.communicate()[0]) for process in both]

    assert sorted(answer["cached"] for answer in answers) == [False, True]


def test_an_interrupted_build_leaves_no_process_and_no_half_of_a_client(
    settings: Settings, fresh: Workspace, tmp_path: Path
) -> None:
    settings = from_checkout(settings, fresh.copy(tmp_path / "fresh"))
    building = driver(settings, VITE_HANG_IN=str(tmp_path))
    pid = int(wait_for(tmp_path / "pid", building))
    family = psutil.Process(building.pid).children(recursive=True)
    assert pid in [process.pid for process in family]

    building.send_signal(signal.SIGINT)
    building.communicate()

    assert building.returncode != 0
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    frontends = settings.project_root / ".build" / "frontend"
    assert [path.name for path in frontends.iterdir()] == [".lock"]
    lines: list[str] = []
    assert not frontend.build(settings, lines.append).cached
    assert "installing packages" not in lines


def driver(settings: Settings, **variables: str) -> subprocess.Popen[str]:
    """A build in a process of its own, as a task runs it."""
    return subprocess.Popen(
        [sys.executable, "-c", _DRIVER, settings.librechat.source, str(settings.project_root)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "NODE_OPTIONS": "--max-old-space-size=500", **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> str:
    """The content of a file that a process is about to make."""
    arrived = threading.Event()
    while not file.exists():
        assert process.poll() is None
        arrived.wait(0.05)
    return file.read_text()
