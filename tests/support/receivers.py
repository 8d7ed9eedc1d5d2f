"""The example receivers as processes of their own: what they take, and what they refuse."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from uuid import UUID

import httpx

from app.webhooks.signing import Signer

HOOK = UUID(int=1)
SIGNER = Signer(["k" * 40])
BODY = '{"type":"order.confirmed","data":{"number":"SÖ-1","gross":"10.00"}}'.encode()


def try_receiver(command: Sequence[str], folder: Path) -> None:
    """Start a receiver with a former secret and one of today, and send it what it has to take once, and what it has to refuse."""
    secrets = f"{SIGNER.secret(HOOK, 1)} {SIGNER.secret(HOOK, 2)}"
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PORT": "0", "ERPGRAPH_WEBHOOK_SECRET": secrets},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        port = process.stdout.readline().removeprefix("listening on ").strip()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            found = {
                name: client.post("/", content=body, headers=headers).status_code
                for name, (body, headers) in _tries().items()
            }
    finally:
        process.terminate()
        told, _ = process.communicate(timeout=30)
    assert found == {"by the first": 204, "the same again": 204, "by the second": 204} | dict.fromkeys(
        ("another body", "another id", "too old", "from the future", "by another key", "without a signature"), 401
    ) | {"too long": 413}
    message = json.loads(BODY)
    assert [json.loads(line) for line in told.splitlines()] == [{"id": name, **message} for name in ("msg_1", "msg_2")]


def _tries() -> dict[str, tuple[bytes, Mapping[str, str]]]:
    now = int(time())
    once = _headers("msg_1", now, 1)
    return {
        "by the first": (BODY, once),
        "the same again": (BODY, once),
        "by the second": (BODY, _headers("msg_2", now, 2)),
        "another body": (BODY.replace(b"10", b"99"), once),
        "another id": (BODY, once | {"webhook-id": "msg_9"}),
        "too old": (BODY, _headers("msg_3", now - 600, 1)),
        "from the future": (BODY, _headers("msg_4", now + 600, 1)),
        "by another key": (BODY, _headers("msg_5", now, 3)),
        "without a signature": (BODY, _headers("msg_6", now, 1) | {"webhook-signature": ""}),
        "too long": (b"x" * 1_000_001, _headers("msg_7", now, 1)),
    }


def _headers(message: str, timestamp: int, version: int) -> dict[str, str]:
    signature = SIGNER.signatures(HOOK, [version], message, timestamp, BODY)
    return {"webhook-id": message, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
