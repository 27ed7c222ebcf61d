"""The command `xpulab`, put together: what needs no host, and what makes and checks a lab's files."""

from __future__ import annotations

import typer

from xpulab.desired.role import Role
from xpulab.explaining import command as explain
from xpulab.history import command as history
from xpulab.laying_out import init
from xpulab.releasing import release
from xpulab.roles import BUILT_IN
from xpulab.upstreams import check_upstreams
from xpulab.verify import command as verify


def build(roles: tuple[Role, ...]) -> typer.Typer:
    """The command line, for these roles."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback()
    def xpulab() -> None:
        """The right driver, kernel, packages and PyTorch image for each card."""

    explain.add_to(app, roles)
    check_upstreams.add_to(app, roles)
    release.add_to(app, roles)
    init.add_to(app)
    history.add_to(app)
    verify.add_to(app)
    return app


def main() -> None:
    """Run the command line."""
    build(BUILT_IN)()
