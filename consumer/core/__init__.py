"""The pure heart: deliveries, their states, their outcomes. Synchronous, without clocks, sockets or logs."""
