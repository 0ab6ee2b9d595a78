"""Whether what a message costs stays what it is as the work grows: in flight, prefetched, queues, bodies; and memory."""
