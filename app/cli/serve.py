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
        str | None, typer.Option(help="Socket in the file system, in place of a port. [default: ERPGRAPH_UDS]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that serve, each on a core. [default: ERPGRAPH_WORKERS or 1]")
    ] = None,
) -> None:
    """Serve the graph.

    In development (the default) it migrates first, loads demo data into an empty database, and when it
    accepts requests prints the lines [bold]graph URL[/bold], [bold]explorer URL[/bold] and, for each of two tenants,
    [bold]key TENANT KEY[/bold]. The embedded server's keys stay the same from start to start; in a database of your own
    each start creates others, for a day. It does the upkeep as well, like 'erpgraph worker'. With
    ERPGRAPH_ENVIRONMENT=production it does none of that and needs a migrated database.

    With several workers one that dies is replaced, and SIGHUP replaces them one by one. Sockets that systemd passes are
    served in place of a port ([bold]LISTEN_FDS[/bold]).

    Ctrl-C, SIGTERM, or closing the terminal lets requests in flight end, then stops the server, then the embedded
    PostgreSQL.
    """
    chosen = settings.load(host=host, port=port, uds=uds, workers=workers)
    tell = narrator(chosen.log_format)
    from app.server import run

    def announce(lines: str) -> None:
        tell("The graph is served. Open the explorer in a browser, or send the header 'Authorization: Bearer KEY'.")
        typer.echo(lines)
        tell("Ctrl-C stops it.")

    run(chosen, tell, progress, announce)
