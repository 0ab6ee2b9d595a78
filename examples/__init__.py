"""Workers to learn from and to run: users of the package, no part of it."""
