"""What is at no address of ours, or answers another method: refused in the form of every other error, with where the graph is."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.errors.http_errors import HttpError
from app.http.negotiation import JSON
from app.http.responses import refusal

SENTENCES = {
    404: "There is nothing at this address. The graph is at /graphql; / lists what else is here.",
    405: "This address doesn't answer that method. The graph is at /graphql, by GET and POST.",
}


async def unknown(_: Request, error: Exception) -> Response:
    """The answer in place of the framework's ``{"detail": "Not Found"}``, which no client of the graph looks for."""
    status, headers = 500, {}
    if isinstance(error, HTTPException):
        status, headers = error.status_code, {name.lower(): value for name, value in (error.headers or {}).items()}
    return refusal(HttpError(status, SENTENCES.get(status, "This can't be answered.")), JSON, headers)
