"""The statements that judge the rows of a file as a whole: what belongs together, what contradicts, what is there already.

All are about the staging table, set by set. A row is *live* until it is rejected (``reason``), left out (``left_out``) or
found to be there (``there``); what is live at the end is imported.
"""

from collections.abc import Collection

from core import money

LIVE = "reason IS NULL AND left_out IS NULL AND there IS NULL"
DERIVED = "coalesce(role, '') IN ('c', 'o', 't')"
"""Rows that aren't the file's: lines that come of a charge of the row or of the order, and doubts."""
LINE = "coalesce(role, '') IN ('', 's', 'c', 'o')"
"""Rows that become line items. The others are discounts (d), returns (r) and doubts (t)."""

STAGE = """
CREATE TEMPORARY TABLE import_rows (
    line bigint, raw bytea, reason text, id uuid,
    number text COLLATE "C", sku text COLLATE "C", customer text COLLATE "C", customer_name text COLLATE "C",
    country text, description text COLLATE "C",
    quantity numeric(20,6), unit_price numeric(20,6), total numeric(20,6), placed_at timestamptz,
    line_key text COLLATE "C", unit text COLLATE "C", email text COLLATE "C", currency text COLLATE "C", note text,
    returned numeric(20,6), cancelled numeric(20,6), order_discount numeric(20,6), order_check numeric(20,6),
    line_discount numeric(20,6), fate text COLLATE "C", left_order text COLLATE "C", role text COLLATE "C",
    left_out text, there boolean, repeats bigint
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_orders (
    n bigint, number text COLLATE "C", customer text COLLATE "C", placed_at timestamptz, total numeric,
    goods numeric, lines bigint, currency text COLLATE "C", digits int, fate text COLLATE "C", discount numeric, checked numeric,
    note text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_known (number text COLLATE "C", id uuid, other text) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_partners (n bigint, code text COLLATE "C", name text, country text, email text) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_products (n bigint, sku text COLLATE "C", name text, unit text) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_ids (n bigint, id uuid) ON COMMIT DROP
"""

# What a rule says of an order counts for all of its rows, those that can't be read as well.
LEAVE_ORDERS = """
UPDATE import_rows r SET left_out = left_orders.why, reason = NULL
FROM (SELECT number, min(left_order) AS why FROM import_rows WHERE left_order IS NOT NULL GROUP BY number) left_orders
WHERE r.number = left_orders.number
"""

REPEATED_KEYS = f"""
WITH keyed AS (
    SELECT id, line, number, line_key, row (sku, quantity, unit_price, total, role) AS content FROM import_rows
    WHERE line_key IS NOT NULL AND {LIVE} AND NOT {DERIVED}
), firsts AS (
    SELECT DISTINCT ON (number, line_key) number, line_key, line, content FROM keyed ORDER BY number, line_key, line
), compared AS (
    SELECT k.id, f.line, k.content IS NOT DISTINCT FROM f.content AS same
    FROM keyed k JOIN firsts f USING (number, line_key) WHERE k.line > f.line
)
UPDATE import_rows r SET there = CASE WHEN same THEN true END, repeats = c.line,
    reason = CASE WHEN NOT same THEN 'line: Line ' || c.line || ' has the same key and says something else.' END
FROM compared c WHERE r.id = c.id
"""

# Exports put one behind the other overlap: what stands in two of them, as the first, second … of its kind, is one line.
REPEATED_SECTIONS = f"""
WITH counted AS (
    SELECT id, line, number, sku, quantity, unit_price, total, description, role, width_bucket(line, $1::bigint[]) AS section,
           row_number() OVER (PARTITION BY number, sku, quantity, unit_price, total, description, role,
                                           width_bucket(line, $1::bigint[]) ORDER BY line) AS nth
    FROM import_rows WHERE {LIVE} AND NOT {DERIVED}
), copies AS (
    SELECT id, row_number() OVER same AS copy, first_value(line) OVER same AS first FROM counted
    WINDOW same AS (PARTITION BY number, sku, quantity, unit_price, total, description, role, nth ORDER BY section)
)
UPDATE import_rows r SET there = true, repeats = c.first FROM copies c WHERE r.id = c.id AND c.copy > 1
"""

DROP_REPEATED_CHARGES = """
DELETE FROM import_rows WHERE role IN ('c', 'o') AND line IN (SELECT line FROM import_rows WHERE there)
"""


def torn(fact: str, word: str, sentence: str, where: str = "true", by: str = "number") -> str:
    """Rejects the rows that say something else of their order (or what they have in common, ``by``) than its first row."""
    return f"""
WITH torn AS (
    SELECT {by} FROM import_rows WHERE {LIVE} AND {where} GROUP BY {by} HAVING min({fact}) <> max({fact})
), first AS (
    SELECT DISTINCT ON ({by}) {by}, {fact} AS fact FROM import_rows
    WHERE {LIVE} AND {where} AND {fact} IS NOT NULL AND ({by}) IN (SELECT {by} FROM torn) ORDER BY {by}, line
)
UPDATE import_rows r SET reason = '{word}: An earlier row says that {sentence} ' || first.fact || '.'
FROM first WHERE {" AND ".join(f"r.{each.strip()} = first.{each.strip()}" for each in by.split(","))}
  AND r.{fact} <> first.fact AND {LIVE} AND {where}
"""


CUSTOMERS = torn("customer", "customer", "the order is of customer")

# A row that comes of a row rejects that as well: it is the file's.
BLAME = """
UPDATE import_rows p SET reason = c.reason, there = NULL FROM import_rows c
WHERE c.role IN ('c', 'o') AND c.reason IS NOT NULL AND p.line = c.line AND coalesce(p.role, '') NOT IN ('c', 'o', 't')
  AND p.reason IS NULL AND p.left_out IS NULL
"""

# A repetition of a row that isn't there, isn't there.
BLAME_REPEATS = """
UPDATE import_rows r SET reason = o.reason, there = NULL FROM import_rows o
WHERE r.repeats = o.line AND o.reason IS NOT NULL AND r.reason IS NULL AND coalesce(o.role, '') NOT IN ('c', 'o', 't')
"""

WHOLE = """
UPDATE import_rows r SET there = NULL,
    reason = 'whole: Line ' || bad.line || ' is rejected, and an order is stored whole or not at all.'
FROM (SELECT number, min(line) AS line FROM import_rows WHERE reason IS NOT NULL AND number IS NOT NULL GROUP BY number) bad
WHERE r.number = bad.number AND r.reason IS NULL AND r.left_out IS NULL
"""

ONE_CHARGE = f"""
DELETE FROM import_rows r USING (SELECT number, sku, min(line) AS line FROM import_rows WHERE role = 'o' AND {LIVE} GROUP BY 1, 2) f
WHERE r.role = 'o' AND r.number = f.number AND r.sku = f.sku AND r.line > f.line AND {LIVE}
"""

SUM_CHARGES = f"""
WITH gone AS (DELETE FROM import_rows WHERE role = 'c' AND {LIVE}
              RETURNING number, sku, id, line, total, description, placed_at, currency)
INSERT INTO import_rows (line, id, number, sku, description, quantity, unit_price, total, placed_at, currency, role)
SELECT max(line), min(id::text)::uuid, number, sku, min(description), 1, sum(total), sum(total), min(placed_at), min(currency), 'c'
FROM gone GROUP BY number, sku
"""

_PLAIN = f"""
INSERT INTO import_orders (n, number, customer, placed_at, total, goods, lines, currency, digits, fate, discount)
SELECT row_number() OVER (ORDER BY min(line)), number, coalesce(min(customer), $1), min(placed_at), sum(total), sum(total), count(*),
       $2::text, $3::int, 'closed', 0
FROM import_rows WHERE {LIVE} GROUP BY number
"""


def gather(
    extra: Collection[str],
    digits: dict[str, int],
    *,
    includes_lines: bool,
    share: str = "amount",
    returns: bool = False,
) -> str:
    """Brings the rows together into orders. ``$1`` is the customer of those that name none, ``$2`` their currency and its
    digits ``$3``, ``$4`` what becomes of orders without a status. ``share``: whether the order's discount is an amount, or a share of
    its goods, in percent or as a fraction. ``returns``: some rows are returns, which add nothing to an order.
    """
    if not returns and not set(extra) - {"left_order", "role", "line_key", "unit", "email", "left_row"}:
        return _PLAIN + " HAVING $4::text IS NOT NULL"
    said = set(extra)
    cases = " ".join(f"WHEN '{code}' THEN {number}" for code, number in digits.items())
    currency = "coalesce(min(currency), $2)" if "currency" in said else "$2"
    digit = f"CASE {currency} {cases} ELSE $3::int END"
    discount = "0"
    if "order_discount" in said:
        less = "coalesce(sum(line_discount) FILTER (WHERE role IS NULL), 0)" if includes_lines else "0"
        goods = "coalesce(sum(total) FILTER (WHERE role IS NULL), 0)"
        base = {"amount": "1", "percent": f"{goods} / 100", "fraction": goods}[share]
        whole = (
            f"greatest(coalesce(max(order_discount) FILTER (WHERE role IS DISTINCT FROM 'd'), 0) * {base} - {less}, 0)"
        )
        rows = "coalesce(sum(order_discount) FILTER (WHERE role = 'd'), 0)"
        discount = f"round({whole} + {rows}, {digit})"
    left = f"sum(quantity - coalesce(cancelled, 0)) FILTER (WHERE {LINE})" if "cancelled" in said else "1"
    fate = "coalesce(min(fate), $4)" if "fate" in said else "$4"
    return f"""
INSERT INTO import_orders (n, number, customer, placed_at, total, goods, lines, currency, digits, fate, discount, checked, note)
SELECT row_number() OVER (ORDER BY min(line)), number, coalesce(min(customer), $1),
       min(placed_at) FILTER (WHERE role IS DISTINCT FROM 'r'),
       coalesce(sum(total) FILTER (WHERE {LINE}), 0), coalesce(sum(total) FILTER (WHERE role IS NULL), 0),
       count(*) FILTER (WHERE {LINE}), {currency}, {digit}, CASE WHEN {left} = 0 THEN 'cancelled' ELSE {fate} END, {discount},
       {"min(order_check)" if "order_check" in said else "NULL::numeric"},
       {"(array_agg(note ORDER BY line) FILTER (WHERE note IS NOT NULL))[1]" if "note" in said else "NULL"}
FROM import_rows WHERE {LIVE} GROUP BY number
"""


def reject(cases: dict[str, str], more: str = "") -> str:
    """Rejects orders whole, by the first condition that is true of them; each has a reason."""
    whens = " ".join(f"WHEN {condition} THEN {reason}" for condition, reason in cases.items())
    return f"""
WITH unfit AS (
    DELETE FROM import_orders o WHERE {" OR ".join(f"({condition})" for condition in cases)}
    RETURNING number, CASE {whens} END AS why
)
UPDATE import_rows r SET reason = unfit.why, there = NULL
FROM unfit WHERE r.number = unfit.number AND r.reason IS NULL AND r.left_out IS NULL {more}
"""


UNFIT = {
    "lines > 0 AND customer IS NULL": "'customer: No row of the order names a customer, and the mapping has no default.'",
    "lines > 0 AND placed_at IS NULL": "'date: No row of the order has a date.'",
    "fate IS NULL OR fate = 'reject'": "'status: No row of the order has a status.'",
    f"total >= {money.LIMIT}": "'total: The order''s total has more than 14 digits before the point.'",
    "lines > 0 AND discount > goods": "'discount: The order''s discount is more than its goods.'",
}

LEAVE_WITHOUT_STATUS = """
WITH gone AS (DELETE FROM import_orders WHERE fate = 'skip' RETURNING number)
UPDATE import_rows r SET left_out = 'no status' FROM gone WHERE r.number = gone.number AND r.left_out IS NULL
"""

# Shares are rounded; what is left over, or too much, goes to the largest line, and where that can't take it to the next.
SPREAD = f"""
WITH shares AS (
    SELECT r.id, r.number, r.line, r.total, o.discount, round(o.discount * r.total / o.goods, o.digits) AS share
    FROM import_rows r JOIN import_orders o USING (number)
    WHERE o.discount > 0 AND o.goods > 0 AND r.role IS NULL AND {LIVE}
), rests AS (
    SELECT *, discount - sum(share) OVER (PARTITION BY number) AS rest FROM shares
), room AS (
    SELECT *, CASE WHEN rest > 0 THEN total - share ELSE share END AS room FROM rests
), ranked AS (
    SELECT *, coalesce(sum(room) OVER (PARTITION BY number ORDER BY total DESC, line
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before FROM room
)
UPDATE import_rows r
SET total = r.total - (s.share + sign(s.rest) * least(s.room, greatest(abs(s.rest) - s.before, 0)))
FROM ranked s WHERE r.id = s.id
"""

DISCOUNTED = "UPDATE import_orders SET total = total - discount WHERE discount > 0"

SOLD_BEFORE = f"""
WITH wanted AS (
    SELECT number, sku, sum(quantity) AS quantity FROM import_rows WHERE role = 'r' AND {LIVE} GROUP BY 1, 2
), sold AS (
    SELECT number, sku, sum(quantity - coalesce(cancelled, 0) - coalesce(returned, 0)) AS quantity FROM import_rows
    WHERE {LINE} AND {LIVE} AND number IN (SELECT number FROM wanted) GROUP BY 1, 2
), bad AS (
    SELECT DISTINCT ON (number) number, sku FROM wanted LEFT JOIN sold USING (number, sku)
    WHERE coalesce(sold.quantity, 0) < wanted.quantity ORDER BY number, sku
), gone AS (DELETE FROM import_orders o USING bad WHERE o.number = bad.number)
UPDATE import_rows r SET there = NULL,
    reason = 'return: More of ' || bad.sku || ' came back than order ' || bad.number || ' in this file has.'
FROM bad WHERE r.number = bad.number AND r.reason IS NULL AND r.left_out IS NULL
"""

BOOK_RETURNS = f"""
WITH wanted AS (
    SELECT number, sku, sum(quantity) AS quantity FROM import_rows WHERE role = 'r' AND {LIVE} GROUP BY 1, 2
), sold AS (
    SELECT id, number, sku, left_, sum(left_) OVER (PARTITION BY number, sku ORDER BY line, id) - left_ AS before
    FROM (SELECT id, number, sku, line, quantity - coalesce(cancelled, 0) - coalesce(returned, 0) AS left_ FROM import_rows
          WHERE {LINE} AND {LIVE} AND number IN (SELECT number FROM wanted)) lines
)
UPDATE import_rows r
SET returned = coalesce(r.returned, 0) + greatest(least(sold.left_, wanted.quantity - sold.before), 0)
FROM sold JOIN wanted USING (number, sku) WHERE r.id = sold.id
"""
