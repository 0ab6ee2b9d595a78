"""The command `lastcall`: flags, output, exit codes.

May know: everything that is public in the package. May not know: logic; that lives in the rooms below.
"""
