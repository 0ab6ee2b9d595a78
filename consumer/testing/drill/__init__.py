"""The drill: proves the promise on a user's real worker, with real processes, signals and a real broker.

May know: its own files. May not know: the command line.
"""
