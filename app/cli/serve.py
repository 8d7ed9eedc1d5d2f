"""``erpgraph serve``."""

from typing import Annotated

import typer

from app import settings
from app.cli.support import narrator, progress


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: ERPGRAPH_HOST or 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. [default: ERPGRAPH_PORT or 8000]")] = None,
    uds: Annotated[
        str | None, typer.Option(help="Path of a UNIX socket to listen on, in place of a port. [default: ERPGRAPH_UDS]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes that serve. [default: ERPGRAPH_WORKERS or 1]")
    ] = None,
) -> None:
    """Serve the graph.

    In development (the default) it migrates the database, loads demo data if it is empty, and prints the lines **graph URL**,
    **explorer URL** and, for each of the demo's two tenants, **key TENANT KEY** as soon as it accepts requests. The embedded
    server's keys are the same at each start; in a database of your own each start creates new ones, which are valid for a day.
    It also does the upkeep, as 'erpgraph worker' does.

    With ERPGRAPH_ENVIRONMENT=production it does none of that, and needs a migrated database.

    With several workers, a worker that dies is replaced, and SIGHUP replaces them all, one by one. Sockets that systemd passes
    (**LISTEN_FDS**) are used in place of a port.

    Ctrl-C, SIGTERM or closing the terminal lets requests in flight end, then stops the server, then the embedded PostgreSQL.
    """
    chosen = settings.load(host=host, port=port, uds=uds, workers=workers)
    tell = narrator(chosen.log_format)
    from app.server import run

    def announce(lines: str) -> None:
        tell("The server is running. Open the explorer in a browser, or send the header 'Authorization: Bearer KEY'.")
        typer.echo(lines)
        tell("Ctrl-C stops it.")

    run(chosen, tell, progress, announce)
