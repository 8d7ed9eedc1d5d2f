"""``erpgraph schema``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import say, table

app = typer.Typer(no_args_is_help=True, help="The GraphQL schema of the installed modules.")


@app.command("print")
def show() -> None:
    """Print the schema of the installed modules (ERPGRAPH_MODULES) in GraphQL's schema language."""
    from app import registry as graph

    typer.echo(graph.build(settings.load().modules).as_str())


@app.command()
def deprecations(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only what should have been removed by now; exit code 1 if there is any.")
    ] = False,
) -> None:
    """List what is deprecated: since when, when it may be removed, and why."""
    import orjson

    from app import registry as graph
    from app.documents.deprecations import listed, today

    found = listed(graph.build(settings.load().modules).graphql_schema)
    if overdue:
        found = [each for each in found if each.is_overdue(today())]
    if json:
        typer.echo(orjson.dumps([each.shown for each in found], option=orjson.OPT_INDENT_2))
    elif found:
        rows = [tuple(value or "-" for value in each.shown.values()) for each in found]
        table(("COORDINATE", "SINCE", "REMOVAL", "REASON"), rows)
    else:
        say("Nothing is overdue." if overdue else "Nothing is deprecated.")
    if overdue and found:
        raise typer.Exit(1)
