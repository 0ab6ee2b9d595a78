"""Handlers in processes of their own: a pool of children, and what crosses between them and us.

Start with `pool.py`. `child.py` is what runs over there.
"""
