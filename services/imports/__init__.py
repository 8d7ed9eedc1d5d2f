"""Orders from the CSV files that shops export: one line item per row, read by a mapping (docs/import.md).

::

    source   the file: its encoding, its lines, its rows; broken quotes end where they began
    mapping  the TOML file that says what the columns mean, and every rule of reading them
    cells    one cell: numbers, dates, keys, texts
    rows     one row: what is staged of it, or the reason why it can't be taken
    store    all rows: from the staging table into partners, products, orders and line items
    rejects  what can't be taken: FILE.rejected.csv
    run      one import from beginning to end, in one transaction
"""

from services.imports.run import Report, import_orders
from services.imports.store import Summary

__all__ = ["Report", "Summary", "import_orders"]
