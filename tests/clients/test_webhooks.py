"""The examples of receivers of webhooks, with the specification's own libraries."""

from tests.clients.workshop import Workshop
from tests.support.receivers import try_receiver


def test_a_receiver_in_javascript_takes_what_is_ours_and_each_once(workshop: Workshop) -> None:
    try_receiver(("node", "receiver.mjs"), workshop.example("webhooks"))
