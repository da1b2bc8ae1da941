"""The command surface. `inv --list` names the tasks, `inv --help TASK` explains one.

A task is a few lines: the work is in `scripts/`, imported inside so that listing stays quick.
"""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from scripts.command import command

_TARGET = {"target": "local: the embedded AWS on this machine (default). aws: the real account."}
_OUTPUT = {
    "json": "Write JSON lines (one event a line) instead of text.",
    "debug": "Show a traceback when something unexpected happens.",
}
_YES = {"yes": "Answer every question with yes."}
_SUMMARY = {"summary": "Append what happened to this file, as Markdown (in CI: $GITHUB_STEP_SUMMARY)."}
_LOCK = {"lock-timeout": "How long to wait for somebody else's lock, such as 30s or 10m."}
_BUCKET = {"bucket": "S3 bucket of the client, as Terraform's output frontend_bucket has it."}
_FILE = {"file": "The librechat.yaml; default: the setting librechat.config."}


@task(
    help={"rollback-on-failure": "When a smoke check fails, bring the newest release back that passed."}
    | _TARGET
    | _YES
    | _LOCK
    | _SUMMARY
    | _OUTPUT
)
def deploy(
    ctx: Context,
    rollback_on_failure: bool = False,
    target: str = "",
    yes: bool = False,
    lock_timeout: str = "",
    summary: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Deploy everything and prove it with smoke checks.

    Builds frontend and image while Terraform initialises and plans, shows the plan, applies it, runs
    the smoke checks, and ends with each step's time and the URL. Asks before it touches the real
    account or destroys or replaces something. Nothing changed: says so and changes nothing.
    Interrupted or failed: the same command goes on. What was applied is recorded (inv releases), and a
    failed smoke check with its evidence.

    Exit status: 0 done, 1 failed, 3 a check before the start failed, 4 smoke failed (rolled back or not),
    5 locked.
    """
    with command(
        ctx.config,
        target=target,
        yes=yes,
        json=json,
        debug=debug,
        lock_timeout=lock_timeout,
        name="deploy",
        summary=summary,
    ) as run:
        from scripts import pipeline

        run.end(pipeline.deploy(run.session(), rollback_on_failure=rollback_on_failure))


@task(
    help={"to": "Id of the release, or its beginning; default: the newest that passed before the live one."}
    | _TARGET
    | _YES
    | _LOCK
    | _SUMMARY
    | _OUTPUT
)
def rollback(
    ctx: Context,
    to: str = "",
    target: str = "",
    yes: bool = False,
    lock_timeout: str = "",
    summary: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Bring image and client of an earlier release back, and prove them. Builds nothing.

    Through Terraform, so that its state stays true: the next deploy deploys the working tree again. The
    infrastructure and librechat.yaml stay as they are; says so when they have changed since. Refuses when
    the image or the client's files are not kept any more. Asks before it touches the real account.

    Exit status: 0 done, 1 failed or refused, 4 smoke failed, 5 locked.
    """
    with command(
        ctx.config,
        target=target,
        yes=yes,
        json=json,
        debug=debug,
        lock_timeout=lock_timeout,
        name="rollback",
        summary=summary,
    ) as run:
        from scripts import pipeline

        run.end(pipeline.rollback(run.session(), to))


@task(
    help={
        "limit": "Number of releases to list.",
        "show": "Id of a release, or its beginning: show it in full, with the evidence of a failure.",
    }
    | _TARGET
    | _OUTPUT
)
def releases(
    ctx: Context,
    limit: int = 20,
    show: str = "",
    target: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """List what was deployed when and by whom, what is live, and what can be brought back.

    Changes nothing.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.releases(run.session(), limit=limit, show=show))


@task(
    help=_TARGET
    | {"lock": "--no-lock: take no lock and make no bucket for the state; for a role that may only read."}
    | _LOCK
    | _SUMMARY
    | _OUTPUT
)
def plan(
    ctx: Context,
    target: str = "",
    lock_timeout: str = "",
    lock: bool = True,
    summary: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Show what a deploy would add, change, replace or destroy.

    Changes nothing, but makes the state's bucket where there is none yet, and takes the lock meanwhile.
    With --summary the file holds the text for a comment on a pull request.

    Exit status: 0 no changes, 2 changes pending, 5 locked.
    """
    with command(
        ctx.config,
        target=target,
        json=json,
        debug=debug,
        lock_timeout=lock_timeout,
        name="plan",
        summary=summary,
    ) as run:
        from scripts import pipeline

        run.end(pipeline.plan(run.session(), lock=lock))


@task(
    help=_TARGET
    | _YES
    | {
        "confirm": "Name of the environment. On aws it stands for the typed answer, which --yes does not.",
        "purge-state": "At the end remove the state's history and the records of releases, too.",
    }
    | _LOCK
    | _SUMMARY
    | _OUTPUT
)
def destroy(
    ctx: Context,
    target: str = "",
    yes: bool = False,
    confirm: str = "",
    purge_state: bool = False,
    lock_timeout: str = "",
    summary: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Remove everything, files and images included, and verify that nothing is left.

    Shows what goes and which data is lost, and asks: on aws for the environment's name to be typed.
    Without a terminal, as in CI: inv destroy --target aws --confirm dev. Afterwards it looks into the
    account itself, service by service, and fails naming what is left. Failed or interrupted: the same
    command goes on. The state's bucket stays. On the local target the embedded AWS is stopped as well.

    Exit status: 0 nothing is left, 1 something is left or failed, 5 locked.
    """
    with command(
        ctx.config,
        target=target,
        yes=yes,
        json=json,
        debug=debug,
        lock_timeout=lock_timeout,
        name="destroy",
        summary=summary,
    ) as run:
        from scripts import pipeline

        run.end(pipeline.destroy(run.session(), confirm=confirm, purge_state=purge_state))


@task(
    help={"id": "The lock that is meant, as the refusal names it. Another one is left alone."}
    | _TARGET
    | _YES
    | _OUTPUT
)
def unlock(
    ctx: Context, id: str = "", target: str = "", yes: bool = False, json: bool = False, debug: bool = False
) -> None:
    """Remove the state lock of a run that is dead.

    Shows who holds it. A holder on this machine is looked for: gone, the lock is removed; running, it is
    refused. A holder on another machine cannot be seen: it asks. Nothing locked: says so.

    Exit status: 0 nothing is locked any more, 5 the lock stays.
    """
    with command(ctx.config, target=target, yes=yes, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.unlock(run.session(), id))


@task(
    iterable=["only", "skip"],
    positional=[],
    help={
        "only": "Only these checks, by id: US1.2, or US1 for all of its. Several: commas, or the flag again. "
        "What they need is checked, too, and shown when it fails.",
        "skip": "All but these.",
        "chat": "Also talk to a model as a user (settings smoke.chat; may cost money).",
        "long": "Also long, large and many streams. On aws: takes minutes, may throttle users; asks.",
        "base-url": "Check this address instead, such as https://chat.example.com: no state, no account.",
        "report": "Write a page with everything that was measured to this file.",
        "junit": "Write the result as JUnit XML to this file, for CI.",
        "watch": "Repeat so many seconds (or 5m) from start to start, until Ctrl-C. But for this machine at "
        "least 10, with --chat 120, with --long 900.",
        "until-failed": "End the watch at the first run that fails.",
    }
    | _TARGET
    | _YES
    | _SUMMARY
    | _OUTPUT,
)
def smoke(
    ctx: Context,
    only: list[str],
    skip: list[str],
    chat: bool = False,
    long: bool = False,
    base_url: str | None = None,
    report: str = "",
    junit: str = "",
    watch: str = "",
    until_failed: bool = False,
    target: str = "",
    yes: bool = False,
    summary: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Check that what is deployed behaves: the site, the API, the streams.

    Each check has the id of what it shows in the specification, a measured value and a limit, and evidence
    when it fails. docs/smoke.md explains all of them.

    inv smoke --only SC-004,US2.3          the streams alone
    inv smoke --base-url https://chat.example.com --skip FR-021
    inv smoke --long --report smoke.html --junit smoke.xml
    inv smoke --watch 60 --until-failed    until something breaks

    Exit status: 0 nothing failed and something passed, 3 a flag makes no sense or --long was not confirmed,
    4 a check failed (its evidence is shown) or none could be made. A watch that Ctrl-C ends has the status
    of its last run.
    """
    with command(
        ctx.config,
        target=target,
        yes=yes,
        json=json,
        debug=debug,
        name="smoke",
        summary=summary,
        where="the address of --base-url" if base_url else "",  # which may hold what nobody should read
    ) as run:
        from scripts import pipeline
        from scripts.pipeline.smoke_flags import Wanted

        wanted = Wanted(
            only=tuple(only),
            skip=tuple(skip),
            chat=chat,
            long=long,
            base_url=base_url,
            report=report,
            junit=junit,
            watch=watch,
            until_failed=until_failed,
        )
        run.end(pipeline.smoke(run.session(), wanted))


@task(help=_TARGET | _SUMMARY | _OUTPUT)
def doctor(
    ctx: Context, target: str = "", summary: str = "", json: bool = False, debug: bool = False
) -> None:
    """Check tools, account and everything that the configuration refers to.

    Exit status: 0 ready to deploy, 3 something is missing.
    """
    with command(ctx.config, target=target, json=json, debug=debug, name="doctor", summary=summary) as run:
        from scripts import pipeline

        run.end(pipeline.doctor(run.session()))


@task(help={"drift": "Look for drift, too (some seconds)."} | _TARGET | _OUTPUT)
def status(
    ctx: Context, drift: bool = False, target: str = "", json: bool = False, debug: bool = False
) -> None:
    """Show what is deployed where: versions, health, who holds the lock. Starts nothing.

    Drift is "not checked" unless asked for. What cannot be found out is named.

    Exit status: 0, whatever it shows, 3 the credentials do not work or may not use the state's bucket.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.status(run.session(), drift=drift))


@task(
    help={"name": "Show the value of this output alone, for a script: inv outputs --name url."}
    | _TARGET
    | _OUTPUT
)
def outputs(ctx: Context, name: str = "", target: str = "", json: bool = False, debug: bool = False) -> None:
    """Show Terraform's outputs: names, addresses and ids of what is deployed."""
    with command(ctx.config, target=target, json=json, debug=debug, value_only=bool(name)) as run:
        from scripts import pipeline

        run.end(pipeline.outputs(run.session(), name))


@task(help=_TARGET | _SUMMARY | _OUTPUT)
def drift(ctx: Context, target: str = "", summary: str = "", json: bool = False, debug: bool = False) -> None:
    """Show what was changed or removed outside Terraform. Changes nothing and takes no lock.

    Compares the state with the account. What a deploy would change is not in it (inv plan). Values are
    shown before and after, sensitive ones masked.

    Exit status: 0 no drift, 2 drift found, 1 also when not everything could be compared.
    """
    with command(ctx.config, target=target, json=json, debug=debug, name="drift", summary=summary) as run:
        from scripts import pipeline

        run.end(pipeline.drift(run.session()))


@task(
    help={
        "since": "Where to begin: 90s, 10m, 2h, 3d ago, or a moment such as 2025-12-25T10:00.",
        "filter": "CloudWatch's filter syntax: error, '\"exact words\"', '{ $.level = \"error\" }'.",
        "lines": "Show the newest so many lines; 0: all.",
        "request-id": "Show all that was logged during this one request, LibreChat's lines included.",
        "follow": "Go on showing new lines until Ctrl-C.",
    }
    | _TARGET
    | _OUTPUT
)
def logs(
    ctx: Context,
    since: str = "10m",
    filter: str = "",
    lines: int = 200,
    request_id: str = "",
    follow: bool = False,
    target: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Show the function's log from CloudWatch Logs, or follow it.

    The same on both targets. With --json the raw events. The embedded AWS's own logs: inv local.logs.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline
        from scripts.pipeline.logs import Wanted

        wanted = Wanted(since, filter, lines, request_id, follow)
        run.end(pipeline.logs(run.session(), wanted))


@task(
    positional=["names"],
    help={
        "names": "What to measure: handler, coldstart, …, with commas between; all; list: what there is.",
        "rounds": "How often each candidate has its turn; default: as many as the benchmark takes.",
        "quick": "Two rounds of small amounts, for a look.",
        "document": "Write tables and picture into docs/benchmarks.md, too.",
    }
    | _OUTPUT,
)
def bench(
    ctx: Context,
    names: str,
    rounds: int = 0,
    quick: bool = False,
    document: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Measure this project beside its alternatives, in turns in one run. Deploys nothing to the account.

    Shows each figure's median over the rounds, and its ratio to the reference with the spread. Results go
    to .bench as JSON and as a picture. Other tools are installed there on demand; one that cannot be had
    is listed as not measured. Nothing fails for being slow.
    """
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from tests.benchmarks import command as benchmarks

        benchmarks.run(run.console, names, rounds=rounds, quick=quick, document=document)


@task(name="build", help=_TARGET | _OUTPUT)
def image_build(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Build the Lambda image, or find it built: its tag is a hash of its content."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import image
        from scripts.outcomes import Values

        built = image.build(run.settings, run.console.say_plain)
        run.console.show(Values("image", {"tag": built.tag, "cached": built.cached}))


@task(name="inspect", help=_TARGET | _OUTPUT)
def image_inspect(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Show what the built image holds: tag, base, platform, size, what we add, command, labels."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import image

        run.console.show(image.inspect(run.settings))


@task(
    name="push",
    help={
        "repository-url": "ECR repository, as Terraform's output ecr_repository_url has it.",
        "tag": "Content tag that Terraform asks for: in the repository already, or that of the sources.",
    }
    | _TARGET
    | _OUTPUT,
)
def image_push(
    ctx: Context,
    repository_url: str,
    tag: str,
    target: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Push the image to ECR unless it is there. Terraform's provisioner calls this."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import image
        from scripts.session import target_as_it_is

        there = target_as_it_is(run.settings)
        run.console.show(image.push(run.settings, there, repository_url, tag))


@task(
    name="build",
    help={"refresh": "Ask the repository again where the release's tag points."}
    | _TARGET
    | _OUTPUT
    | {"debug": "Show every line of the build, its log, and a traceback of the unexpected."},
)
def frontend_build(
    ctx: Context, refresh: bool = False, target: str = "", json: bool = False, debug: bool = False
) -> None:
    """Build the client, or find it built: its directory is named by a hash of its content.

    From the first of these that the settings have: librechat.source, a checkout; frontend.from_image, the
    client that librechat.base_image already holds (needs a Docker engine, takes seconds); on the target
    local the stand-in app; on aws the release librechat.version of librechat.repository, fetched once.

    LibreChat's own build takes about 8 minutes, 2.5 GB of memory and 4 GB of disk; both are looked at
    first. What it prints is kept in .build/logs. A failed build keeps its packages for the next try.

    Exit status: 0 built or found, 1 failed, 3 the sources or the machine are not ready.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import frontend

        shown = frontend.build_shown(run.settings, run.console, refresh=refresh, every_line=debug)
        run.console.show(shown)


@task(
    name="publish",
    help=_BUCKET
    | {
        "release": "Content hash: one that the bucket keeps is restored, else the sources must give it. "
        "Default: what the sources give.",
        "distribution-id": "Whose caches forget what changed; default: every distribution of the bucket.",
    }
    | _TARGET
    | _OUTPUT,
)
def frontend_publish(
    ctx: Context,
    bucket: str,
    release: str = "",
    distribution_id: str = "",
    target: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Make the bucket serve the built frontend, or an earlier release. Terraform's provisioner calls this.

    Sends only what changed, index.html last: an interruption leaves a whole site, the same command goes on.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import frontend
        from scripts.session import target_as_it_is

        published = frontend.publish(
            run.settings,
            target_as_it_is(run.settings),
            bucket,
            release=release,
            distribution_id=distribution_id,
            progress=run.console.say_plain,
        )
        run.console.show(published)


@task(name="releases", help=_BUCKET | _TARGET | _OUTPUT)
def frontend_releases(
    ctx: Context, bucket: str, target: str = "", json: bool = False, debug: bool = False
) -> None:
    """Show the releases of the frontend that the bucket keeps, the newest first. Changes nothing."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import frontend
        from scripts.session import target_as_it_is

        run.console.show(frontend.kept(target_as_it_is(run.settings).aws.client("s3"), bucket))


@task(
    name="push",
    iterable=["allow_secret"],
    positional=[],
    help=_FILE
    | {
        "allow-secret": "Place of a value that looks like a secret and is none, as the refusal names it. "
        "May be given again.",
        "restart": "--no-restart: upload only. The next deploy starts the new environments.",
    }
    | _TARGET
    | _YES
    | _OUTPUT,
)
def config_push(
    ctx: Context,
    allow_secret: list[str],
    file: str = "",
    restart: bool = True,
    target: str = "",
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Upload librechat.yaml for this domain, and have the running function pick it up.

    Replaces the old domain everywhere, validates, refuses secrets in clear, shows the difference to what
    is in the bucket, and asks (on the real account). Nothing is overwritten that the difference did not
    show: an edit of somebody else meanwhile ends the command. Then the function serves from new
    environments, which read the new file. Nothing changed: says so and uploads nothing.

    Exit status: 0 done or nothing to do, 1 changed by somebody else or failed, 3 the file is refused.
    """
    with command(ctx.config, target=target, yes=yes, json=json, debug=debug) as run:
        from scripts.pipeline import config

        run.end(config.push(run.session(), file=file, allowed=allow_secret, restart=restart))


@task(name="diff", help=_FILE | _TARGET | _OUTPUT)
def config_diff(
    ctx: Context, file: str = "", target: str = "", json: bool = False, debug: bool = False
) -> None:
    """Show what config.push would change in the bucket. Changes nothing; secrets are hidden.

    Exit status: 0 nothing, 2 something.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts.pipeline import config

        run.end(config.diff(run.session(), file=file))


@task(name="show", help={"raw": "Show secrets that are in the file, too."} | _TARGET | _OUTPUT)
def config_show(
    ctx: Context, raw: bool = False, target: str = "", json: bool = False, debug: bool = False
) -> None:
    """Show the librechat.yaml in the bucket, its version, and whether the function runs with it.

    The file goes to stdout and the facts to stderr: `inv config.show --raw > librechat.yaml` keeps it.
    """
    with command(ctx.config, target=target, json=json, debug=debug, value_only=not json) as run:
        from scripts.pipeline import config

        run.end(config.show(run.session(), raw=raw))


@task(name="up", help=_OUTPUT)
def local_up(ctx: Context, json: bool = False, debug: bool = False) -> None:
    """Start the embedded AWS unless it runs. A deploy does this by itself."""
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from scripts import local_commands

        local_commands.up(run.settings, run.console)


@task(name="down", help=_OUTPUT)
def local_down(ctx: Context, json: bool = False, debug: bool = False) -> None:
    """Stop the embedded AWS. What is deployed in it is saved and there again after `up`."""
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from scripts import local_commands

        local_commands.down(run.settings, run.console)


@task(name="status", help=_OUTPUT)
def local_status(ctx: Context, json: bool = False, debug: bool = False) -> None:
    """Show whether the embedded AWS runs, and where. Starts nothing."""
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.status(run.session()))


@task(
    name="logs",
    help={
        "lines": "Number of lines to show of each log.",
        "follow": "Go on showing new lines until Ctrl-C.",
    }
    | _OUTPUT,
)
def local_logs(
    ctx: Context, lines: int = 50, follow: bool = False, json: bool = False, debug: bool = False
) -> None:
    """Show the logs of the embedded AWS."""
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from scripts import local_commands

        local_commands.logs(run.settings, run.console, lines=lines, follow=follow)


@task(name="diff", help=_OUTPUT)
def local_diff(ctx: Context, json: bool = False, debug: bool = False) -> None:
    """Show every difference between the rehearsal's Terraform and the shipped one."""
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from scripts import local_commands

        local_commands.diff(run.settings, run.console)


@task(name="env", help=_OUTPUT)
def local_env(ctx: Context, json: bool = False, debug: bool = False) -> None:
    """Show the variables that lead your own tools to the embedded AWS.

    In a shell: eval "$(inv local.env)". Then `aws s3 ls`, or `terraform plan` in .local/terraform.
    """
    with command(ctx.config, target="local", json=json, debug=debug) as run:
        from scripts import local_commands

        local_commands.env(run.session())


namespace = Collection(
    deploy,
    rollback,
    releases,
    plan,
    destroy,
    unlock,
    smoke,
    doctor,
    status,
    outputs,
    drift,
    logs,
    bench,
    Collection("image", image_build, image_inspect, image_push),
    Collection("frontend", frontend_build, frontend_publish, frontend_releases),
    Collection("config", config_push, config_diff, config_show),
    Collection("local", local_up, local_down, local_status, local_logs, local_diff, local_env),
)
