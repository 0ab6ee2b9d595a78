"""The demo: orders are charged, receipts are sent, workers come and go."""
