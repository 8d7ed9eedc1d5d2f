"""What Schemathesis is told of our scalars, and what it looks for in each answer."""

from typing import Any

import schemathesis  # type: ignore[import-not-found]  # installed in the client's own environment
from hypothesis import strategies as st
from hypothesis_graphql import nodes

MANY = 20_000_000
"""Bytes that no answer within the limits has on the small demo."""

SCALARS = {
    "CurrencyCode": st.sampled_from(["EUR", "GBP", "USD", "XXX"]),
    "DateTime": st.datetimes().map(lambda time: f"{time.isoformat()}Z"),
    "Decimal": st.decimals(-1_000_000, 1_000_000, places=2).map(str),
    "JSON": st.text(max_size=20),
}

for name, values in SCALARS.items():
    schemathesis.graphql.scalar(name, values.map(nodes.String))


@schemathesis.check  # type: ignore[untyped-decorator]  # schemathesis isn't installed here
def kept_its_word(_context: Any, response: Any, _case: Any) -> None:
    """No fault, masked or not, and nothing over its limit."""
    answer = response.json()
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert response.status_code < 500, codes
    assert "INTERNAL_SERVER_ERROR" not in codes
    assert len(response.content) < MANY
    cost = answer.get("extensions", {}).get("cost")
    assert cost is None or cost["requested"] <= cost["limit"]
