"""The form of API keys."""

import hashlib
from uuid import UUID

import pytest

from core import keys

TENANT = UUID("019ab0c1-0000-7000-8000-000000000001")


def test_a_key_says_its_tenant_and_its_hash() -> None:
    key = keys.make(TENANT)
    assert len(key) == 4 + 32 + 1 + 43
    assert keys.parse(key) == (TENANT, hashlib.sha256(key.encode()).digest())
    assert keys.hint(key) == key[-4:]


def test_no_two_keys_are_alike() -> None:
    assert len({keys.make(TENANT) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "erp_",
        "erp__",
        f"erp_{TENANT.hex}_" + "a" * 42,
        f"erp_{TENANT.hex}_" + "a" * 44,
        f"erp_{TENANT.hex}_" + "a" * 43 + "\n",
        f"erp_{TENANT.hex}_" + "a" * 42 + "é",
        f"erp_{TENANT.hex}_" + "a" * 42 + "\0",
        f"erp_{TENANT.hex.upper()}_" + "a" * 43,
        f"ERP_{TENANT.hex}_" + "a" * 43,
        f" erp_{TENANT.hex}_" + "a" * 43,
        f"erp_{'٣' * 32}_" + "a" * 43,
        "erp_" * 100_000,
    ],
)
def test_other_text_is_no_key(text: str) -> None:
    assert keys.parse(text) is None
