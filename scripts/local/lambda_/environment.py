"""One execution environment: from its cold start to its end, one invocation at a time.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html is the life that it
leads. Which invocation it gets is `service.py`'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from scripts.local.lambda_.function import FunctionConfiguration
from scripts.local.lambda_.invocation import FunctionError, Invocation, InvokeError
from scripts.local.lambda_.logs import LogSink, LogStream, OutputPipe
from scripts.local.lambda_.runtime_api import RuntimeApi
from scripts.local.lambda_.sandbox import Launch, ProcessSandbox, Sandbox, SandboxError, SandboxSpec
from scripts.local.lambda_.waiting import first_of

INIT_SECONDS = 10.0
"""Init is cut after 10 s and run again inside the first invocation, on the function's own time."""

RUNTIME_API_ADDRESS = ("127.0.0.1", 9001)
"""As in the real service; every environment has a loopback of its own."""


class Site(Protocol):
    """Where an environment runs."""

    def sandbox(self, log: LogStream) -> SandboxSpec:
        """The sandbox; the first address it listens on is `RUNTIME_API_ADDRESS`."""

    async def serve(self, sandbox: Sandbox) -> Callable[[], None]:
        """Serve the other addresses inside the sandbox; returns what stops that."""


State = Literal["starting", "idle", "busy", "ended"]


@dataclass(frozen=True)
class EnvironmentStatus:
    """An environment as `inv local.status` shows it. ``age`` and ``idle`` are in seconds."""

    function: str
    state: State
    log_stream: str
    invocations: int
    age: float
    idle: float
    max_memory_mb: int


class ExecutionEnvironment:
    """An environment of one function configuration.

    Attributes:
        configuration: What it was started with; it never changes.
        state: ``idle`` means frozen and ready for an invocation.
    """

    def __init__(
        self,
        configuration: FunctionConfiguration,
        site: Site,
        sink: LogSink,
        *,
        init_seconds: float,
        launch: Launch = ProcessSandbox.start,
    ) -> None:
        self.configuration = configuration
        self.state: State = "starting"
        self._site = site
        self._sink = sink
        self._init_seconds = init_seconds
        self._launch = launch
        self._log = sink.open(configuration.log_group, configuration.version)
        self._run: _Run | None = None
        self._invocations = 0
        self._invocation: Invocation | None = None
        self._free = asyncio.Event()
        self._started_at = self.idle_since = time.monotonic()
        self._peak_memory_mb = 0

    @property
    def status(self) -> EnvironmentStatus:
        """A snapshot."""
        now = time.monotonic()
        return EnvironmentStatus(
            function=self.configuration.name,
            state=self.state,
            log_stream=self._log.name,
            invocations=self._invocations,
            age=now - self._started_at,
            idle=now - self.idle_since if self.state == "idle" else 0.0,
            max_memory_mb=self._peak_memory_mb,
        )

    def reserve(self) -> bool:
        """Take an idle environment for the next `invoke`; whether it was idle."""
        if self.state != "idle":
            return False
        self.state = "busy"
        return True

    @property
    def settling(self) -> bool:
        """Whether the response has ended and only the runtime's return is awaited."""
        return self.state == "busy" and self._invocation is not None and self._invocation.finished

    async def settled(self) -> None:
        """Return when the current invocation is over in every respect."""
        await self._free.wait()

    async def invoke(self, invocation: Invocation) -> None:
        """Run one invocation to its end; afterwards the state is ``idle`` or ``ended``.

        What the function did is in the invocation. An environment that cannot be built refuses it.
        """
        cold = self._run is None
        self.state = "busy"
        self._invocations += 1
        self._invocation = invocation
        self._free.clear()
        try:
            await self._invoke(invocation, cold=cold)
        except SandboxError as error:
            invocation.refuse(InvokeError(500, "ServiceException", str(error)))
            await self.close()
        except BaseException:
            await self.close()
            raise
        finally:
            invocation.finish(
                FunctionError.make("Sandbox.Failure", "The execution environment was shut down")
            )
            self._free.set()

    async def close(self) -> None:
        """End the environment: its processes die, its log is sent."""
        if self.state == "ended":
            return
        self.state = "ended"
        await self._end_run()
        self._sink.close_stream(self._log)

    async def _invoke(self, invocation: Invocation, *, cold: bool) -> None:
        init_seconds = 0.0
        if cold:
            began = time.monotonic()
            await self._begin_run()
            initialized = await self._init()
            init_seconds = time.monotonic() - began
        else:
            initialized = True
            await self._running.sandbox.thaw()
        clock = _Clock(self.configuration.timeout / invocation.clock)
        self._log.write(f"START RequestId: {invocation.request_id} Version: {self.configuration.version}")
        if not initialized:
            await self._begin_run()
            await self._wait_ready(clock.remaining)
            init_seconds = 0.0
        outcome = await self._execute(invocation, clock)
        await self._report(invocation, clock.elapsed, init_seconds, outcome)
        if outcome is None:
            await self._running.sandbox.freeze()
            self.idle_since = time.monotonic()
            self.state = "idle"
        else:
            await self.close()

    async def _execute(self, invocation: Invocation, clock: _Clock) -> FunctionError | None:
        """Hand the event over and wait until the runtime asks for the next; why it did not, if so."""
        run = self._running
        if run.api.idle.is_set() and not run.sandbox.exited.is_set():
            run.api.dispatch(invocation, timeout=clock.remaining)
            await self._wait_ready(clock.remaining)
        failure = self._failure(invocation, clock)
        if failure is not None:
            invocation.finish(failure)
        return failure

    def _failure(self, invocation: Invocation, clock: _Clock) -> FunctionError | None:
        run = self._running
        if run.sandbox.exited.is_set():
            reported = run.api.init_error or invocation.error
            if reported is not None:
                return reported
            message = f"Runtime exited with error: {run.sandbox.exit_reason}"
            return _error("Runtime.ExitError", invocation, message)
        if run.api.idle.is_set():
            return None
        if run.api.init_error is not None:
            return run.api.init_error
        message = f"Task timed out after {clock.limit:.2f} seconds"
        return _error("Sandbox.Timedout", invocation, message)

    async def _init(self) -> bool:
        """The init phase; whether the runtime is ready for its first event."""
        began = time.monotonic()
        await self._wait_ready(self._init_seconds)
        run = self._running
        if run.api.idle.is_set() and not run.sandbox.exited.is_set():
            return True
        ended = run.sandbox.exited.is_set() or run.api.init_failed.is_set()
        error_type = run.api.init_error.type if run.api.init_error else "Runtime.ExitError"
        status = f"error\tError Type: {error_type}" if ended else "timeout"
        await self._end_run()
        milliseconds = (time.monotonic() - began) * 1000
        self._log.write(f"INIT_REPORT Init Duration: {milliseconds:.2f} ms\tPhase: init\tStatus: {status}\t")
        return False

    async def _wait_ready(self, seconds: float) -> None:
        """Wait until the runtime asks for an event, gives up or ends, at most `seconds`."""
        run = self._running
        await first_of(
            run.api.idle.wait(), run.api.init_failed.wait(), run.sandbox.exited.wait(), seconds=seconds
        )
        if run.api.init_failed.is_set():
            # It exits by itself after the report; the exit status belongs to the evidence.
            await first_of(run.sandbox.exited.wait(), seconds=1)

    async def _report(
        self, invocation: Invocation, seconds: float, init_seconds: float, failure: FunctionError | None
    ) -> None:
        run = self._running
        if failure is None:
            run.sandbox.sample_memory()
            await run.sandbox.flush()
        else:
            await run.sandbox.kill()
        run.output.drain()
        self._peak_memory_mb = max(self._peak_memory_mb, run.sandbox.peak_memory_mb)
        if failure is not None and failure.type in ("Sandbox.Timedout", "Runtime.ExitError"):
            self._log.write(failure.message)
        milliseconds = seconds * 1000
        fields = [
            f"REPORT RequestId: {invocation.request_id}",
            f"Duration: {milliseconds:.2f} ms",
            f"Billed Duration: {-int(-milliseconds // 1)} ms",
            f"Memory Size: {self.configuration.memory_mb} MB",
            f"Max Memory Used: {min(self._peak_memory_mb, self.configuration.memory_mb)} MB",
        ]
        if init_seconds:
            fields.append(f"Init Duration: {init_seconds * 1000:.2f} ms")
        if shown := failure or invocation.error:
            timed_out = shown.type == "Sandbox.Timedout"
            fields.append("Status: timeout" if timed_out else f"Status: error\tError Type: {shown.type}")
        self._log.write(f"END RequestId: {invocation.request_id}")
        self._log.write("\t".join(fields) + "\t")

    @property
    def _running(self) -> _Run:
        assert self._run is not None
        return self._run

    async def _begin_run(self) -> None:
        output = OutputPipe(self._log)
        try:
            sandbox = await self._launch(self._site.sandbox(self._log), output.writer)
        except BaseException:
            output.release_writer()
            output.close()
            raise
        output.release_writer()
        run = self._run = _Run(sandbox, RuntimeApi(), output)
        await run.api.start(sandbox.sockets[0])
        run.stop_serving = await self._site.serve(sandbox)

    async def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            await run.sandbox.kill()
            run.stop_serving()
            await run.api.close()
            run.output.close()


@dataclass
class _Run:
    """The processes of an environment and what serves them. Init may need two in a row."""

    sandbox: Sandbox
    api: RuntimeApi
    output: OutputPipe
    stop_serving: Callable[[], None] = lambda: None


class _Clock:
    """The time that a function has."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def remaining(self) -> float:
        return max(0.0, self.limit - self.elapsed)


def _error(type: str, invocation: Invocation, message: str) -> FunctionError:
    return FunctionError.make(type, f"RequestId: {invocation.request_id} Error: {message}")
