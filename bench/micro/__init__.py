"""What the pure parts cost: each by itself (`make bench-micro`), and all in a row in instructions (bench.instructions).

Nothing here has a broker, a socket or an event loop.
"""
