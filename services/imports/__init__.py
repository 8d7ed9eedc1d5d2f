"""Orders from the CSV files that shops export: one line item per row, read by a mapping (docs/import.md).

::

    source       the file: its encoding, its header, its rows; broken quotes end where they began
    mapping      the TOML file that says what the columns mean, and every rule of reading them
    numbers      one number
    cells        one cell: amounts, dates, keys, texts
    values       what a mapping takes from a row's cells, and its rules' conditions
    filling      cells that are written once for several rows
    order_lines  one row: its line item, and what it says of its order
    rows         all rows: what is staged of each, or the reason why it can't be taken
    judging      what belongs together, contradicts itself or comes twice: the rows as a whole
    known        orders that are there already
    store        from the staging table into partners, products, orders and line items
    rejects      what can't be taken: FILE.rejected.csv
    run          one import from beginning to end, in one transaction
    summary      what became of a file
"""

from services.imports.reporting import Report
from services.imports.run import import_orders
from services.imports.summary import Summary

__all__ = ["Report", "Summary", "import_orders"]
