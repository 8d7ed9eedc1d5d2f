"""The example of a receiver in Python, which checks our signatures with the specification's own library."""

import sys

import pytest

from tests.support.command import ROOT
from tests.support.receivers import try_receiver


def test_a_receiver_in_python_takes_what_is_ours_and_each_once() -> None:
    pytest.importorskip("standardwebhooks")
    try_receiver((sys.executable, "receiver.py"), ROOT / "examples" / "webhooks")
