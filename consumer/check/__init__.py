"""What would break the promise, before it does: rules over what is known of a worker, its manifests and its broker.

May know: core's words, plain data. May not know: files, sockets, YAML, the command line: all that is read elsewhere.
"""
