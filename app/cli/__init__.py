"""The command line ``erpgraph``: one module per group of commands, and ``main``, which reports errors in one line."""

import sys
from typing import Annotated

import asyncpg
import typer

from app import __version__
from app.cli import (
    database,
    demo,
    doctor,
    feed,
    imports,
    keys,
    partners,
    rollups,
    schema,
    serve,
    stock,
    tenants,
    worker,
)
from app.cli.support import say
from core.errors import ErpError

app = typer.Typer(
    name="erpgraph",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""An ERP's orders, line items, products and stock as one GraphQL graph.

    Every command uses the database of **ERPGRAPH_DATABASE_URL**; without that variable the embedded PostgreSQL, whose data
    are in the checkout's folder **.data/**. It works with or without a running server.""",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"erpgraph {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(imports.app, name="import")
app.add_typer(tenants.app, name="tenant")
app.add_typer(keys.app, name="key")
app.add_typer(partners.app, name="partner")
app.add_typer(stock.app, name="stock")
app.add_typer(rollups.app, name="rollup")
app.add_typer(feed.app, name="feed")
app.add_typer(database.app, name="db")
app.add_typer(schema.app, name="schema")


def main() -> None:
    """Run the command line. Exit code 1 for what went wrong, 2 for a wrong call; no traceback for either."""
    try:
        app()
    except ErpError as error:
        _fail(error.message)
    except asyncpg.InsufficientPrivilegeError as error:
        _fail(
            f"The login of ERPGRAPH_DATABASE_URL may not do this: {error}. Give the administrator's URL, as 'erpgraph db upgrade' needs it."
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _fail(f"{error} ({type(error).__name__})")


def _fail(message: str) -> None:
    say(f"erpgraph: {' '.join(message.split())}")
    sys.exit(1)
