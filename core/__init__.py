"""No I/O, no framework: ids, money, quantities, paging, errors."""
