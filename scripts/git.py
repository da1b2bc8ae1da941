"""git as this project uses it: a release of a repository, fetched whole or not at all; a checkout's name.

Never asks for credentials: a run that waits for a password in a terminal nobody looks at hangs for ever.
What git's credential helpers, ssh and its configuration know is used.
"""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from scripts import processes
from scripts.child_environment import environment
from scripts.errors import DeployError, ExitStatus

# A server that has stalled is given up: https://git-scm.com/docs/git-config (http.lowSpeedLimit).
_PATIENCE = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60")

_LOOK_SECONDS = 60
"""A large checkout on a slow network disk takes some."""

_CAUSES = (
    (
        r"could not resolve host|(?:failed to|couldn't) connect|connection (?:refused|timed out|reset)"
        r"|network is unreachable|operation too slow",
        "The repository was not reached.",
        "Check the network (git uses its own http.proxy or HTTPS_PROXY).",
    ),
    (
        r"could not read username|authentication failed|permission denied \(|terminal prompts disabled"
        r"|\b40[13]\b",
        "The repository wants to know who asks, or refuses. Hosts say this of what does not exist, too.",
        "Check librechat.repository, and give git the credentials: a credential helper, or an ssh key.",
    ),
    (
        r"certificate",
        "The repository's certificate is not trusted: the usual reason is a proxy that opens TLS.",
        "Name the proxy's authority: GIT_SSL_CAINFO=<PEM file>.",
    ),
    (
        r"not found|does not exist|does not appear to be a git repository|no such file",
        "There is no such repository.",
        "Check librechat.repository.",
    ),
    (r"no space left on device", "The disk is full.", "Make room, then run the same command again."),
)

_INSTEAD = (
    "Or build from a checkout: INVOKE_LIBRECHAT_SOURCE=<path>; or take the client out of LibreChat's image: "
    "INVOKE_FRONTEND_FROM_IMAGE=yes."
)


def commit_of_tag(repository: str, tag: str, cwd: Path) -> str:
    """The commit that a tag of a remote repository names. Asks the repository.

    Args:
        cwd: Where a relative path of a repository begins.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`, when it is not reached or has no such tag.
    """
    _refuse_credentials(repository)
    listed = _git(["ls-remote", "--tags", "--", repository], cwd, f"asking {repository} for its tags")
    # An annotated tag is an object of its own; the line with ^{} has the commit.
    tags = {name.removeprefix("refs/tags/"): commit for commit, name in (line.split("\t") for line in listed)}
    if commit := tags.get(f"{tag}^{{}}") or tags.get(tag):
        return commit
    near = difflib.get_close_matches(tag, [name for name in tags if not name.endswith("^{}")], n=3)
    raise DeployError(
        f"{repository} has no tag {tag}",
        f"Near it are: {', '.join(near)}." if near else f"It has {len(tags)} tags, and none like it.",
        "Correct librechat.version (INVOKE_LIBRECHAT_VERSION): it is the name of a release's tag.",
        status=ExitStatus.PREFLIGHT_FAILED,
    )


def fetch_tag(repository: str, tag: str, into: Path, cwd: Path) -> None:
    """Make the empty directory `into` a bare repository that holds one tag, without its history.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`, when it cannot be fetched.
    """
    doing = f"fetching {tag} from {repository}"
    _git(["init", "--quiet", "--bare", str(into)], cwd, doing)
    reference = f"refs/tags/{tag}"
    fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", repository, f"{reference}:{reference}"]
    _git([f"--git-dir={into}", *fetch], cwd, doing)


def tagged_commit(bare: Path, tag: str) -> str:
    """The commit that a tag names in a repository on this machine.

    Raises:
        DeployError: when the repository is damaged.
    """
    arguments = [f"--git-dir={bare}", "rev-parse", "--verify", f"refs/tags/{tag}^{{commit}}"]
    return _git(arguments, bare, f"reading {bare}")[0]


def check_out(bare: Path, commit: str, tree: Path) -> None:
    """Write the files of a commit into the empty directory `tree`; it gets no ``.git``.

    Raises:
        DeployError: when the repository is damaged or the disk full.
    """
    index = tree / ".index"  # not the repository's own: its lock would survive a kill
    arguments = [
        # As committed, on every machine, and without the hooks of its owner.
        "-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null",
        f"--git-dir={bare}", f"--work-tree={tree}", "checkout", "--quiet", commit, "--", ".",
    ]  # fmt: skip
    _git(arguments, tree, f"checking out {commit}", {"GIT_INDEX_FILE": str(index)})
    index.unlink()


def described(tree: Path) -> str:
    """The commit of a checkout, with ``-dirty`` when it was changed: for people, labels and records.

    Of the repository around it where it is none itself. Empty where there is none, or git is missing.
    """
    return _ask(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], tree).strip()


def status(tree: Path) -> str:
    """Commit, branch and changes of a checkout at once, in a form that is promised to stay as it is.

    https://git-scm.com/docs/git-status#_porcelain_format_version_2
    Empty where there is no repository, or git is missing.
    """
    return _ask(["--no-optional-locks", "status", "--porcelain=v2", "--branch"], tree)


def _ask(arguments: list[str], tree: Path) -> str:
    """What is worth having and not worth failing for."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=tree,
            env=environment("git"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LOOK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _git(
    arguments: list[str], cwd: Path, doing: str, variables: Mapping[str, str] | None = None
) -> list[str]:
    lines: list[str] = []
    allowed = environment("git")
    settings = allowed | {
        "GIT_TERMINAL_PROMPT": "0",
        # Programs that would open a window to ask; `true` answers with nothing.
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_SSH_COMMAND": allowed.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        "LC_ALL": "C",  # the words below are looked for
        **(variables or {}),
    }
    try:
        finished = processes.stream(
            ["git", *_PATIENCE, *arguments], cwd=cwd, environment=settings, on_line=lines.append
        )
    except OSError as error:
        raise DeployError(
            "git does not run",
            str(error),
            f"Install git (Debian: apt-get install git). {_INSTEAD}",
            status=ExitStatus.PREFLIGHT_FAILED,
        ) from error
    if finished.returncode != 0:
        why, remedy = _cause(finished.stderr)
        raise DeployError(
            f"git failed while {doing}",
            why,
            f"{remedy} {_INSTEAD}",
            status=ExitStatus.PREFLIGHT_FAILED,
            evidence=finished.stderr,
        )
    return lines


def _cause(words: str) -> tuple[str, str]:
    for pattern, why, remedy in _CAUSES:
        if re.search(pattern, words, re.IGNORECASE):
            return why, remedy
    return "Its own words are below.", "Remove the cause and run the same command again."


def _refuse_credentials(repository: str) -> None:
    """Before git has it on its command line, where every process of the machine reads it."""
    if re.match(r"https?://[^/]*@", repository):
        raise DeployError(
            "librechat.repository has credentials in it",
            "A URL is shown, logged and seen in the list of processes.",
            "Take out what stands before the @, and give it to git's credential helper "
            "(https://git-scm.com/docs/gitcredentials).",
            status=ExitStatus.PREFLIGHT_FAILED,
        )
