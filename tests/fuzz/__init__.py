"""Bytes that nobody would think of, for the pure parts that read what a broker sends.

`make fuzz` runs on atheris, guided by coverage; `make test` replays what was ever found, and a seeded walk.
"""
