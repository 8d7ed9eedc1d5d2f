"""What a search is made of, without a server: it stays within bounds itself, and keeps what is worst."""

from random import Random

from tests.siege.changing import Changing
from tests.siege.facts import Facts
from tests.siege.pool import ALIKE, BEST, Pool
from tests.siege.run import schema
from tests.siege.trees import LIMITS, ROOM, Node, Tree, weight, written
from tests.siege.writing import Drawing

FACTS = Facts(("sku",), ("code",), ("number",), ("prod_1",), "loc_1", "code")


def _changing(seed: int) -> Changing:
    random = Random(seed)
    return Changing(Drawing(schema(), FACTS, random), random)


def test_what_is_made_longer_again_and_again_stays_what_a_request_may_be() -> None:
    """A search took two gigabytes for filters that were made ten times as long on each of their levels."""
    changing = _changing(1)
    where = {
        "or": [{"number": {"in": ["a", "b", "c"]}}, {"lineItems": {"some": {"product": {"sku": {"contains": "m"}}}}}]
    }
    tree = Tree("query", [Node("orders", arguments={"where": where}, children=[Node("__typename")])])
    sizes = []
    for _ in range(200):
        changing.lengthen(tree, tree)
        sizes.append(weight(tree.roots[0].arguments))
        if not tree.fits():
            tree.roots[0].arguments = {"where": where}
    assert max(sizes) > ROOM / 2
    assert max(sizes) < 2 * ROOM


def test_a_change_leaves_the_tree_as_it_was_and_makes_one_that_fits() -> None:
    changing = _changing(2)
    tree, other = changing.drawing.tree(), changing.drawing.tree()
    for _ in range(100):
        before = written(schema(), tree)
        made = changing.changed(tree, other)
        assert written(schema(), tree) == before
        assert made.fits()
        tree, other = made, tree


def test_what_is_drawn_fits_into_a_request() -> None:
    drawing = _changing(3).drawing
    assert all(drawing.tree().fits() for _ in range(60))


def test_a_tree_past_a_limit_does_not_fit() -> None:
    def fits(*nodes: Node) -> bool:
        return Tree("query", [Node("viewer", children=[*nodes])]).fits()

    name = Node("principal")
    assert fits(*[name] * (LIMITS["limit_fields"] - 1))
    assert not fits(*[name] * LIMITS["limit_fields"])
    assert fits(*[Node("principal", "a")] * LIMITS["limit_aliases"])
    assert not fits(*[Node("principal", "a")] * (LIMITS["limit_aliases"] + 1))
    assert fits(Node("principal", arguments={"a": "x" * (ROOM - 8)}))
    assert not fits(Node("principal", arguments={"a": "x" * (ROOM - 7)}))
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    assert not fits(Node("principal", arguments={"a": deep}))
    assert not Tree("query", []).fits()


def test_a_pool_keeps_the_worst_and_few_that_are_alike() -> None:
    pool: Pool[int] = Pool()
    for number in range(100):
        pool.offer(float(number), "one", number)
    assert pool.worst(100) == [99, 98, 97]
    assert len(pool.kept) == ALIKE
    for number in range(200, 0, -1):
        pool.offer(float(number), number, number)
    assert pool.worst(100) == [*range(200, 200 - BEST, -1)]
