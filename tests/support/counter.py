"""How many statements commands run."""


class Counter:
    """Counts the statements of commands."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def taken(self) -> int:
        count = len(self.ran)
        self.ran.clear()
        return count
