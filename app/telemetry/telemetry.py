"""Where the parts of the server report a request's end."""

from starlette.responses import Response

from app.settings import Settings
from app.telemetry.record import RequestRecord
from app.telemetry.request_log import RequestLog


class Telemetry:
    """One application's: each request that ends is counted and written down."""

    def __init__(self, settings: Settings) -> None:
        self._log = RequestLog(settings)

    def end(self, record: RequestRecord, answer: Response | None) -> None:
        """A request has its answer, or never will have one."""
        record.end(answer)
        self._log.write(record)

    def refused(self, status: int, code: str, address: str = "") -> None:
        """A request was refused for what it looks like, before anybody read what it asks for."""
        record = RequestRecord("", address=address)
        record.status, record.codes = status, (code,)
        self._log.write(record)
