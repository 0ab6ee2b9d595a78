"""Whether a message costs the same as the work grows: in flight, prefetched, queues, bodies; and memory."""
