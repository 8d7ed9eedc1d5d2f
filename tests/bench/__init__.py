"""Benchmarks: each compares with hand-written statements in the same run, so that a noisy machine matters less."""
