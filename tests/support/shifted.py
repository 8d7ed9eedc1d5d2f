"""A program whose clock is wrong: ``python -m tests.support.shifted SECONDS MODULE ARGUMENTS``. What it asks of Python is shifted; deadlines go by
a clock that nobody sets, and stay.
"""

import runpy
import sys
import time


def shift(seconds: float) -> None:
    """From here on ``time.time`` and ``time.time_ns`` are off by so much."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1_000_000_000)


if __name__ == "__main__":
    seconds_, module = sys.argv[1:3]
    shift(float(seconds_))
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
