"""Both executors on queries generated from the real schema, on demo data: the first part of three.

More than a thousand documents in every run; as many as one likes with ``make fuzz N=…``.
"""

from tests.execution.fuzz.run import FUZZ, UNAWAITED
from tests.execution.fuzz.shop import LEAST, compare_part
from tests.support.postgres import TestServer

pytestmark = UNAWAITED


def test_generated_queries(server: TestServer) -> None:
    seen = compare_part(server, 0)
    print(seen)
    assert FUZZ or seen.lacking(LEAST) == {}
