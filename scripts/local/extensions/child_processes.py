"""What the control plane starts runs in a sandbox, or not at all.

On AWS nothing that is deployed runs on the deployer's machine. MiniStack would run zip functions, build
jobs and the like as processes of this machine's user. Here it may start what `isolated` makes, under
bubblewrap: without a network, without files but the program's own, without a variable of ours. So runs the
Node of CloudFront functions, and the openssl that reads a certificate. Python's own hook, which sees every
start of a process, refuses the rest.
https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from typing import Any

from scripts.child_environment import environment
from scripts.local.extensions import Context, replace
from scripts.local.lambda_.sandbox import isolated

_STARTS = frozenset(
    {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "pty.spawn"}
)


def install(context: Context) -> None:
    """Put the Node of CloudFront functions into the sandbox and refuse every other process."""
    from ministack.core import node_pool

    def ensuring(_: Any) -> Any:
        def ensure(worker: Any) -> Any:
            if worker._proc is not None and worker._proc.poll() is None:
                return worker._proc
            pool = worker._pool
            worker._proc = subprocess.Popen(
                isolated("node", f"--max-old-space-size={pool.max_old_space_mb}", "-e", pool.script),
                env=environment("program"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
            )  # fmt: skip
            threading.Thread(
                target=node_pool._pump_stderr, args=(worker._proc, pool.logger, pool.log_prefix), daemon=True
            ).start()
            return worker._proc

        return ensure

    replace(node_pool._Worker, "_ensure", ensuring)
    replace(node_pool, "available", lambda _: lambda: bool(shutil.which("node") and shutil.which("bwrap")))
    sys.addaudithook(_refuse_starts)


def _refuse_starts(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _STARTS:
        return
    if event == "subprocess.Popen" and list(arguments[1])[:1] == ["bwrap"]:
        return
    raise PermissionError(f"the embedded AWS starts no process outside its sandbox ({event})")
