"""A mapping proposed for a file, with the doubts stated as comments. It imports nothing.

::

    sample   the file's first lines: encoding, delimiter, quotes, header
    layouts  known layouts by their headers, and what columns are called in many languages
    values   how numbers and dates are written, by evidence
    text     the proposal as TOML
"""

from services.imports.guess.text import guess

__all__ = ["guess"]
