"""The environment of a child process: an allow-list for each kind of program.

Builds run code of third parties (npm's ``postinstall``, Vite's plugins, setup.py), and whoever runs a deploy
has the deploy role's credentials, CI's identity token and the test user's password in the environment. So
nothing is handed on because it is there: a child gets what its kind of program is known to read. What holds
credentials of the program itself (a registry's token for npm, a proxy's password) is among that.

Not for what is started on purpose with other variables: those are added to the result.

As a program, for `bootstrap`, before there is a .venv (the standard library only)::

    python3 -I scripts/child_environment.py npm npm ci
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Literal, get_args

__all__ = ["BUILD_VARIABLES", "Kind", "environment"]

Kind = Literal["program", "git", "npm", "docker", "pip", "terraform", "embedded-aws"]
"""``program``: one that needs nothing of its own, such as bwrap or openssl."""

BUILD_VARIABLES = ("VITE_", "SCRIPT_", "DOMAIN_", "ALLOW_")
"""Prefixes that LibreChat's client/vite.config.ts reads, and compiles into the public client."""

# A name that ends with * is a prefix.
_BASE = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "XDG_*",
    "LANG", "LANGUAGE", "LC_*", "LOCPATH", "LOCALE_ARCHIVE", "TZ", "TZDIR",
    "CI", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "NIX_SSL_CERT_FILE",
    # Version managers: `node`, `python` and `terraform` on PATH may be shims that ask these.
    "ASDF_DIR", "ASDF_DATA_DIR", "ASDF_CONFIG_FILE", "MISE_DATA_DIR", "MISE_CONFIG_DIR", "NVM_DIR", "NVM_BIN",
    "FNM_DIR", "FNM_MULTISHELL_PATH", "VOLTA_HOME", "NODENV_ROOT", "NODENV_VERSION", "PYENV_ROOT",
    "PYENV_VERSION", "TFENV_ROOT", "TFENV_CONFIG_DIR",
)  # fmt: skip

_COMPILERS = (
    "CC", "CXX", "CPP", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "PKG_CONFIG_PATH", "MAKEFLAGS",
)  # fmt: skip

# Not GIT_DIR and its like: inside a hook or an alias of git they lead into that repository.
_GIT = (
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME", "GPG_TTY", "KRB5CCNAME", "NETRC",
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_TERMINAL_PROMPT", "GIT_CONFIG*",
    "GIT_SSL_*", "GIT_PROXY_*", "GIT_HTTP_*", "GIT_PROTOCOL", "GIT_ALLOW_PROTOCOL", "GIT_EXEC_PATH",
    "GIT_TEMPLATE_DIR", "GIT_TRACE*", "GIT_CURL_VERBOSE", "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
)  # fmt: skip

_NPM = (
    # npm takes its settings in both cases, and a .npmrc names a private registry's token by the latter two.
    "npm_config_*", "NPM_CONFIG_*", "NPM_TOKEN", "NODE_AUTH_TOKEN",
    "NODE_OPTIONS", "NODE_USE_ENV_PROXY", "PYTHON", "JOBS", *_COMPILERS,
    *(f"{prefix}*" for prefix in BUILD_VARIABLES),
)  # fmt: skip

# https://docs.docker.com/reference/cli/docker/#environment-variables; CI may have a DOCKER_PASSWORD besides.
# DOCKER_HOST may be an ssh:// address.
_DOCKER = (
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS",
    "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION", "DOCKER_CUSTOM_HEADERS", "DOCKER_DEFAULT_PLATFORM",
    "DOCKER_BUILDKIT", "DOCKER_CLI_*", "DOCKER_CONTENT_TRUST*", "BUILDX_*", "BUILDKIT_*", "SOURCE_DATE_EPOCH",
    "SSH_AUTH_SOCK",
)  # fmt: skip

_OWN_PYTHON = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONWARNINGS", "VIRTUAL_ENV")

_KINDS: dict[Kind, tuple[str, ...]] = {
    "program": (),
    "git": _GIT,
    "npm": _NPM,
    "docker": _DOCKER,
    "pip": ("PIP_*", "NETRC", *_COMPILERS),
    # Modules come with git; its provisioners start this project again, which builds what is missing.
    "terraform": (
        "TF_*", "AWS_*", "INVOKE_*", "CHECKPOINT_DISABLE", *_GIT, *_NPM, *_DOCKER, *_OWN_PYTHON,
        "PIP_*",
    ),
    "embedded-aws": ("LOG_LEVEL", "DOCKER_HOST", *_OWN_PYTHON),
}  # fmt: skip


def environment(kind: Kind, source: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program of this kind may read of an environment.

    Args:
        source: Where from; this process's own environment when it is None.
    """
    allowed = (*_BASE, *_KINDS[kind])
    names = frozenset(allowed)
    prefixes = tuple(name.removesuffix("*") for name in allowed if name.endswith("*"))
    return {
        name: value
        for name, value in (os.environ if source is None else source).items()
        if name in names or name.startswith(prefixes)
    }


def main(arguments: list[str]) -> None:
    """``KIND PROGRAM…``: become that program, with the environment of its kind.

    Raises:
        SystemExit: when there is no such kind or program.
    """
    kinds: tuple[Kind, ...] = get_args(Kind)
    kind = next((kind for kind in kinds if arguments[:1] == [kind]), None)
    if kind is None or len(arguments) < 2:
        raise SystemExit(f"usage: child_environment.py {{{','.join(kinds)}}} PROGRAM…")
    try:
        os.execvpe(arguments[1], arguments[1:], environment(kind))
    except OSError as error:
        raise SystemExit(f"{arguments[1]}: {error.strerror}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
