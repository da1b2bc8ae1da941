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


@task(help=_TARGET | _YES | _OUTPUT)
def deploy(
    ctx: Context, target: str = "", yes: bool = False, json: bool = False, debug: bool = False
) -> None:
    """Deploy everything and prove it with smoke checks.

    Builds frontend and image while Terraform initialises and plans, shows the plan, applies it, runs
    the smoke checks, and ends with each step's time and the URL. Asks before it touches the real
    account or destroys or replaces something. Nothing changed: says so and changes nothing.
    Interrupted or failed: the same command goes on.

    Exit status: 0 done, 1 failed, 3 a check before the start failed, 4 smoke failed, 5 locked.
    """
    with command(ctx.config, target=target, yes=yes, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.deploy(run.session()))


@task(help=_TARGET | _OUTPUT)
def plan(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Show what a deploy would add, change, replace or destroy. Changes nothing.

    Exit status: 0 no changes, 2 changes pending.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.plan(run.session()))


@task(help=_TARGET | _YES | _OUTPUT)
def destroy(
    ctx: Context, target: str = "", yes: bool = False, json: bool = False, debug: bool = False
) -> None:
    """Remove everything, files and images included, and verify that nothing is left.

    Shows what goes and asks. Afterwards it looks into the account itself, service by service, and
    fails naming what is left. On the local target the embedded AWS is stopped as well.

    Exit status: 0 nothing is left, 1 something is left or failed.
    """
    with command(ctx.config, target=target, yes=yes, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.destroy(run.session()))


@task(help=_TARGET | _OUTPUT)
def smoke(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Check that what is deployed behaves: the site, the API, the streams.

    Exit status: 0 all passed, 4 a check failed (its evidence is shown).
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.smoke(run.session()))


@task(help=_TARGET | _OUTPUT)
def doctor(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Check tools, account and everything that the configuration refers to.

    Exit status: 0 ready to deploy, 3 something is missing.
    """
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.doctor(run.session()))


@task(help=_TARGET | _OUTPUT)
def status(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Show what runs and what is deployed, and who holds the lock. Starts nothing."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.status(run.session()))


@task(help=_TARGET | _OUTPUT)
def outputs(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Show Terraform's outputs: names, addresses and ids of what is deployed."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import pipeline

        run.end(pipeline.outputs(run.session()))


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
        "tag": "Content tag that Terraform expects; any other content is refused.",
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


@task(name="build", help=_TARGET | _OUTPUT)
def frontend_build(ctx: Context, target: str = "", json: bool = False, debug: bool = False) -> None:
    """Build the frontend with npm, or find it built."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import frontend
        from scripts.outcomes import Values

        dist = frontend.build(run.settings, run.console.say_plain)
        facts = {"directory": dist.path, "hash": dist.content_hash, "cached": dist.cached}
        run.console.show(Values("frontend", facts))


@task(
    name="publish",
    help={"bucket": "S3 bucket of the client, as Terraform's output frontend_bucket has it."}
    | _TARGET
    | _OUTPUT,
)
def frontend_publish(
    ctx: Context, bucket: str, target: str = "", json: bool = False, debug: bool = False
) -> None:
    """Make the bucket equal to the built frontend. Terraform's provisioner calls this."""
    with command(ctx.config, target=target, json=json, debug=debug) as run:
        from scripts import frontend
        from scripts.session import target_as_it_is

        run.console.show(frontend.publish(run.settings, target_as_it_is(run.settings), bucket))


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
    plan,
    destroy,
    smoke,
    doctor,
    status,
    outputs,
    Collection("image", image_build, image_inspect, image_push),
    Collection("frontend", frontend_build, frontend_publish),
    Collection("local", local_up, local_down, local_status, local_logs, local_diff, local_env),
)
