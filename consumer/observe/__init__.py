"""What is done with the engine's events: logs and the event stream (metrics, health and tracing come here too).

May know: `core.events`. May not know: the engine's mutable state.
"""
