"""The port to the broker and its implementations. Knows no handlers, no drain, no signals."""
