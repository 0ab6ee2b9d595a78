"""For those who test workers: brokers to test on, a verified fake broker, the drill, pytest fixtures."""
