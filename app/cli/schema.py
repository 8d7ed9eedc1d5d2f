"""``erpgraph schema``."""

import typer

from app import settings

app = typer.Typer(no_args_is_help=True, help="The graph's contract.")


@app.callback()
def group() -> None:
    """Keeps ``print`` a command of its own, though it is the only one so far."""


@app.command("print")
def show() -> None:
    """Print the schema of the installed modules (ERPGRAPH_MODULES) in GraphQL's schema language."""
    from app import graph

    typer.echo(graph.build(settings.load().modules).as_str())
