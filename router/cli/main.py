"""The root of the command line: which commands there are, and how each one ends.

Exit codes, as az has them: 0; 1 for an error, said on stderr; 2 for wrong usage; 3 when what
`show` names is not there; 130 for Ctrl-C.
"""

from typing import NoReturn

import click

from router.cli.errors import CommandFailed
from router.cli.lazy import LazyCommand, LazyGroup
from router.core.errors import TurnoutError

EXIT_INTERRUPTED = 130

NOUNS = {
    "online-endpoint": LazyCommand(
        "router.cli.online_endpoint", "What clients call: a name, keys and traffic rules."
    ),
    "online-deployment": LazyCommand(
        "router.cli.online_deployment", "One version of a model behind an endpoint."
    ),
    "model": LazyCommand("router.cli.assets", "A registered model.", "model"),
    "environment": LazyCommand("router.cli.assets", "A registered environment.", "environment"),
    "code": LazyCommand("router.cli.assets", "A registered folder of scripts.", "code"),
}


class Root(LazyGroup):
    """Turns what ends a command into an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; no exception but click's own leaves it."""
        try:
            return super().invoke(ctx)
        except TurnoutError as error:
            raise CommandFailed(f"({error.code}) {error.message}") from error
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(EXIT_INTERRUPTED)


ml = LazyGroup(
    "ml",
    lazy=NOUNS,
    help="The nouns as `az` has them; `ml` may be left out.",
)

cli = Root(
    "turnout",
    lazy={
        "serve": LazyCommand("router.cli.serve", "Run the daemon in the foreground."),
        "reload": LazyCommand(
            "router.cli.reload", "Replace the daemon's workers without a refused connection."
        ),
        "sdk-env": LazyCommand(
            "router.cli.sdk_env", "Print what a shell must set for Azure's Python SDK."
        ),
        "demo": LazyCommand("router.cli.demo.command", "Show a rollout on real processes."),
        "simulate": LazyCommand("sim.command", "Replay a rollout in virtual time."),
        "completion": LazyCommand("router.cli.completion", "Print a shell's completion script."),
        "account": LazyCommand("router.cli.account", "Which subscription to name.", "account"),
        "configure": LazyCommand("router.cli.account", "Keep defaults.", "configure"),
        **NOUNS,
    },
    commands={"ml": ml},
    help="Roll out new versions of a machine-learning model without anyone noticing.",
)


def main() -> NoReturn:
    """The `turnout` command."""
    cli(prog_name="turnout")
    raise AssertionError("click ends the process")  # pragma: no cover
