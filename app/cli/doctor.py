"""``erpgraph doctor``."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from app import settings
from app.cli.support import run
from core.errors import BadInput

if TYPE_CHECKING:
    from app.doctor import Finding


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Check the settings and the database before a start.

    It prints one line for each check: ok, warn or fail, what was found, and what to do. Exit code 1 if any check failed.
    """

    async def look() -> bool:
        from app.doctor import Finding, examined

        well = True
        try:
            chosen = settings.load()
        except BadInput as error:
            _show(Finding("settings", "fail", error.message), as_json=as_json)
            return False
        _show(Finding("settings", "ok", "Every ERPGRAPH_ variable is a setting, and usable."), as_json=as_json)
        async for finding in examined(chosen):
            _show(finding, as_json=as_json)
            well &= finding.status != "fail"
        return well

    if not run(look()):
        raise typer.Exit(1)


def _show(finding: "Finding", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(finding._asdict()))
    else:
        typer.echo(f"{finding.status:<4}  {finding.check:<12} {finding.text} {finding.advice}".rstrip())
