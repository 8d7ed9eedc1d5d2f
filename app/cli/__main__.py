"""``python -m app.cli``: the command line where the script isn't on the path."""

from app.cli import main

main()
