"""Looking at parking queues, and moving messages out of them: what `lastcall parked` is made of.

May know: the port, core's words for parked messages. May not know: the command line, workers, the engine.
"""
