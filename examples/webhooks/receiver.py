"""A receiver of webhooks: checks who sent it, takes each event once, and does the work afterwards.

ERPGRAPH_WEBHOOK_SECRET has the secret that webhookCreate showed; several are separated by blanks while one is replaced.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SECRETS = [Webhook(secret) for secret in os.environ["ERPGRAPH_WEBHOOK_SECRET"].split()]
MOST = 1_000_000

taken: set[str] = set()  # in a real one: a table with a unique column, written in the transaction that does the work


def verified(body: bytes, headers: dict[str, str]) -> dict:
    """The message, if it is from the sender and of these minutes. Raises WebhookVerificationError."""
    for place, secret in enumerate(SECRETS, start=1):
        try:
            return secret.verify(body, headers)
        except WebhookVerificationError:
            if place == len(SECRETS):
                raise
    raise AssertionError


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length", 0))
        if size > MOST:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(size)  # the very bytes: what is parsed and written again has another signature
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            message = verified(body, headers)
        except WebhookVerificationError:
            return self.answer(401)
        if headers["webhook-id"] not in taken:  # it may come again, under the same id
            taken.add(headers["webhook-id"])
            print(json.dumps({"id": headers["webhook-id"], **message}, ensure_ascii=False), flush=True)
        return self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
