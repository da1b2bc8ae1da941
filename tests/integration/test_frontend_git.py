"""The client built from a git repository by tag: fetched once, at the exact commit, whole or not at all."""

from __future__ import annotations

import dataclasses
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts import frontend, git
from scripts.errors import DeployError, ExitStatus
from scripts.frontend import librechat
from scripts.progress import Notice, Stage, ignored
from scripts.releases import facts
from scripts.settings import PROJECT_ROOT, Settings
from tests.integration import librechat_workspace
from tests.integration.librechat_workspace import TAG, Workspace

pytestmark = pytest.mark.integration

_FETCH = """
import dataclasses, sys
from pathlib import Path
import yaml
from scripts import frontend
from scripts.processes import interruptible
from scripts.settings import Settings

repository, tag, root = sys.argv[1:]
flags = {"target": "aws", "librechat.repository": repository, "librechat.version": tag}
settings = Settings.load(yaml.safe_load(Path("invoke.yaml").read_text()), **flags)
with interruptible():
    print(frontend.source_hash(dataclasses.replace(settings, project_root=Path(root))))
"""

# Stands before the real git on PATH: stops a fetch in the middle, as a slow network would.
_SLOW_GIT = """#!/bin/sh
case " $* " in
  *" fetch "*) echo $$ > "{directory}/pid.tmp"; mv "{directory}/pid.tmp" "{directory}/pid"; exec sleep 600 ;;
esac
exec {git} "$@"
"""


@pytest.fixture(autouse=True)
def room_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """These workspaces build on machines that LibreChat does not."""
    monkeypatch.setattr(librechat, "NEEDS", librechat.Needs(memory=0, disk=0))


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return librechat_workspace.make(tmp_path_factory.mktemp("upstream") / "LibreChat")


@pytest.fixture
def repository(upstream: Workspace, tmp_path: Path) -> Workspace:
    return upstream.copy(tmp_path / "LibreChat")


@pytest.fixture
def settings(default_settings: Settings, repository: Workspace, tmp_path: Path) -> Settings:
    project = tmp_path / "project"
    project.mkdir()
    of_tests = dataclasses.replace(default_settings, target="aws", project_root=project)
    return of_repository(of_tests, repository.url)


def of_repository(settings: Settings, url: str, tag: str = TAG) -> Settings:
    given = dataclasses.replace(settings.librechat, repository=url, version=tag)
    return dataclasses.replace(settings, librechat=given)


def sources(settings: Settings) -> list[str]:
    """What is kept of sources, whole things only."""
    directory = settings.project_root / ".build" / "sources"
    return sorted(path.name for path in directory.glob("*") if not path.name.startswith("."))


def test_a_release_is_fetched_built_and_found_again(settings: Settings, repository: Workspace) -> None:
    lines: list[str] = []

    first = frontend.build(settings, lines.append)
    second = frontend.build(settings)

    assert "hello, built" in next(first.path.glob("assets/index.*.js")).read_text()
    assert (first.cached, second.cached) == (False, True)
    assert (first.kind, first.commit) == ("git", repository.head)
    assert first.name == f"LibreChat {TAG} ({repository.head[:12]})"
    stages = [str(line) for line in lines if isinstance(line, Stage)]
    assert stages[:3] == [
        f"fetching {TAG} from {repository.url}",
        f"checking out {repository.head[:12]}",
        "installing packages",
    ]
    assert "building client: rendering chunks" in stages
    assert all(name.endswith(".git") for name in sources(settings))


def test_the_hash_is_known_before_the_build_and_needs_no_network_afterwards(
    settings: Settings, repository: Workspace
) -> None:
    before = frontend.source_hash(settings)
    shutil.rmtree(repository.directory)

    assert frontend.source_hash(settings) == before


def test_what_is_built_is_the_tag_and_not_what_came_after_it(
    settings: Settings, repository: Workspace
) -> None:
    released = repository.head
    before = frontend.source_hash(settings)
    repository.write("client/index.html", "unreleased")
    repository.commit()

    shutil.rmtree(settings.project_root / ".build")

    assert frontend.source_hash(settings) == before
    assert frontend.sources.choose(settings).identify(ignored).commit == released


def test_a_moved_tag_changes_nothing_until_the_repository_is_asked_again(
    settings: Settings, repository: Workspace
) -> None:
    released = repository.head
    before = frontend.source_hash(settings)
    repository.write("client/index.html", "another")
    moved = repository.commit()
    repository.tag()

    assert frontend.source_hash(settings) == before

    notices: list[str] = []
    frontend.sources.choose(settings).refresh(notices.append)  # type: ignore[attr-defined]
    assert frontend.source_hash(settings) != before
    (notice,) = notices
    assert isinstance(notice, Notice)
    assert released[:12] in notice
    assert moved[:12] in notice


def test_a_failed_build_need_not_install_again(
    settings: Settings, repository: Workspace, tmp_path: Path
) -> None:
    works = tmp_path / "works"
    repository.change_package("package.json", scripts={"frontend": "cd client && sh ../build.sh"})
    repository.write(
        "build.sh", f'test -e "{works}" && mkdir dist && cp page.html dist/index.html && touch dist/a.js'
    )
    repository.write("client/page.html", '<script src="a.js"></script>')
    repository.commit()
    repository.tag()
    with pytest.raises(DeployError, match="npm run frontend"):
        frontend.build(settings)
    assert [name for name in sources(settings) if name.startswith("tree-")]
    works.touch()
    lines: list[str] = []

    frontend.build(settings, lines.append)

    assert "installing packages" not in lines
    assert not [name for name in sources(settings) if name.startswith("tree-")]


def test_a_build_does_not_see_the_repository_that_the_project_is_in(
    settings: Settings, repository: Workspace
) -> None:
    subprocess.run(["git", "init", "--quiet", str(settings.project_root)], check=True)
    script = (
        "git rev-parse --show-toplevel; mkdir -p client/dist && cp client/page.html client/dist/index.html"
    )
    repository.change_package("package.json", scripts={"frontend": script})
    repository.write("client/page.html", '<script src="index.html"></script>')
    repository.commit()
    repository.tag()

    dist = frontend.build(settings)

    assert dist.log is not None
    assert "fatal: not a git repository" in dist.log.read_text()


def test_a_tag_that_is_not_there_is_named_with_the_nearest_ones(
    settings: Settings, repository: Workspace
) -> None:
    repository.tag("v0.0.10")

    with pytest.raises(DeployError, match=r"has no tag v0\.0\.11") as failure:
        frontend.source_hash(of_repository(settings, repository.url, "v0.0.11"))

    assert "v0.0.10" in failure.value.why
    assert "INVOKE_LIBRECHAT_VERSION" in failure.value.next_step
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_lightweight_tag_will_do(settings: Settings, repository: Workspace) -> None:
    repository.git("tag", "light")

    assert frontend.source_hash(of_repository(settings, repository.url, "light"))


def test_a_repository_that_does_not_exist_is_named_with_the_ways_around_it(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(DeployError, match="git failed while asking") as failure:
        frontend.source_hash(of_repository(settings, f"file://{tmp_path}/nowhere"))

    assert failure.value.why == "There is no such repository."
    assert "INVOKE_LIBRECHAT_SOURCE" in failure.value.next_step
    assert "INVOKE_FRONTEND_FROM_IMAGE" in failure.value.next_step
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED


def test_a_host_that_does_not_answer_is_told_from_one_that_refuses(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(DeployError) as failure:
        frontend.source_hash(of_repository(settings, f"http://127.0.0.1:{port}/LibreChat.git"))

    assert failure.value.why == "The repository was not reached."


@pytest.fixture
def private_host() -> Iterator[str]:
    """A host that wants a password for everything."""

    class Private(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Tests are quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Private) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/LibreChat.git"
        server.shutdown()


def test_nobody_is_asked_for_a_password(settings: Settings, private_host: str) -> None:
    with pytest.raises(DeployError) as failure:
        frontend.source_hash(of_repository(settings, private_host))

    assert "wants to know who asks" in failure.value.why
    assert "credential helper" in failure.value.next_step


def test_a_password_in_the_url_is_refused_and_not_shown(settings: Settings) -> None:
    with pytest.raises(DeployError, match="credentials in it") as failure:
        frontend.source_hash(of_repository(settings, "https://me:hunter2@example.invalid/LibreChat.git"))

    assert "hunter2" not in f"{failure.value}{failure.value.evidence}"


def test_a_machine_without_git_is_told_the_ways_around_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DeployError, match="git does not run") as failure:
        git.commit_of_tag("file:///nowhere", TAG, tmp_path)

    assert "INVOKE_FRONTEND_FROM_IMAGE" in failure.value.next_step


def test_a_run_inside_a_hook_of_another_repository_is_not_led_astray(
    settings: Settings, repository: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))
    tree = tmp_path / "tree"
    tree.mkdir()

    identity = frontend.sources.choose(settings).identify(ignored)
    (bare,) = (settings.project_root / ".build" / "sources").glob("*.git")
    git.check_out(bare, identity.commit, tree)

    assert (tree / "packages/data-provider/greeting.txt").read_text() == "hello\n"
    assert not (tree / ".index").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_a_checkout_is_described_by_its_own_commit_inside_a_hook_of_another_repository(
    repository: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit = repository.head
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    assert git.described(repository.directory) == commit
    repository.write("package.json", "{}")
    assert git.described(repository.directory) == f"{commit}-dirty"
    assert facts.revision(repository.directory, {}).commit == commit, "what the record of a release says"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_fetch_that_was_cut_off_is_never_used(
    settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(_SLOW_GIT.format(directory=tmp_path, git=shutil.which("git")))
    slow.chmod(0o755)
    given = settings.librechat
    fetching = subprocess.Popen(
        [sys.executable, "-c", _FETCH, given.repository, given.version, str(settings.project_root)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pause = threading.Event()
    while not (tmp_path / "pid").exists():
        assert fetching.poll() is None
        pause.wait(0.05)
    stopped = psutil.Process(int((tmp_path / "pid").read_text()))

    fetching.send_signal(number)
    fetching.wait()
    if number is signal.SIGKILL:  # nobody was left to end it
        stopped.kill()

    assert psutil.wait_procs([stopped], timeout=60)[1] == []
    assert sources(settings) == []
    assert frontend.source_hash(settings)
    assert [name for name in sources(settings) if name.endswith(".git")]
