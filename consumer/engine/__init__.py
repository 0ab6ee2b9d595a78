"""What this project is for: handlers run to their end, deliveries are settled once, a stop is a drain.

May know: core, the port to the broker, handlers. May not know: AMQP, OS signals, who owns the loop.
"""
