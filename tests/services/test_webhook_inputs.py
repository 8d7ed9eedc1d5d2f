"""What a webhook's input may be, before anything is looked up."""

from typing import Any

import pytest

from services.kit.command import Unreadable
from services.webhooks.commands import MAX_DOCUMENT, MAX_URL, WebhookCreate

HOOK = {
    "name": "shop",
    "url": "https://shop.example/",
    "document": "subscription { eventFeed { cursor } }",
    "roles": ["viewer"],
}


@pytest.mark.parametrize(
    "variables",
    [
        {"a": 10**20},
        {"a": {"b": [-(10**19)]}},
        {"a": float("inf")},
        {"a": "\0"},
        {"\0": 1},
        {"a": "\\\0"},
        {"a": "\ud800"},
    ],
)
def test_variables_that_cannot_be_kept_are_refused(variables: dict[str, Any]) -> None:
    """Literals of 20 digits, and a NUL, were internal errors."""
    with pytest.raises(Unreadable) as refused:
        WebhookCreate.read(HOOK | {"variables": variables})
    assert [each.path for each in refused.value.problems] == [("input", "variables")]


@pytest.mark.parametrize("variables", [None, {}, {"a": "\\u0000"}, {"a": [1, -0.5, 2**63, None, True, "é\n"]}])
def test_others_are_kept_as_they_are(variables: dict[str, Any] | None) -> None:
    assert WebhookCreate.read(HOOK | {"variables": variables}).variables == variables


@pytest.mark.parametrize("name, start, most", [("document", "#", MAX_DOCUMENT), ("url", "https://a.example/", MAX_URL)])
def test_texts_are_as_long_as_it_is_said(name: str, start: str, most: int) -> None:
    """A document could have half of it, and an address a fourth: another rule for texts came first."""
    longest = start + "x" * (most - len(start))
    assert getattr(WebhookCreate.read(HOOK | {name: longest}), name) == longest
    with pytest.raises(Unreadable, match=f"at most {most} characters"):
        WebhookCreate.read(HOOK | {name: longest + "x"})
