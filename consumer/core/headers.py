"""The headers of ours on the copies that we publish: of a message tried again, saved, or parked.

May know: nothing but itself. May not know: messages, outcomes.
"""

ATTEMPT = "x-lastcall-attempt"
"""Which start of a handler on this message comes next, counted by us from 1: the broker's own delivery count
means something else on every version (RabbitMQ up to 4.2 counts returns, 4.3 counts failures)."""
COPY = "x-lastcall-copy"
"""How many times we have published a copy of this message: a copy is another message than the one it was made of."""
FIRST_FAILED_AT = "x-lastcall-first-failed-at"
"""When an attempt first failed, ISO 8601."""

QUEUE = "x-lastcall-queue"
EXCHANGE = "x-lastcall-exchange"
ROUTING_KEY = "x-lastcall-routing-key"
"""Whence the message came at first: a copy goes through the default exchange."""
EXPIRATION = "x-lastcall-expiration"
"""The message's own time to live (milliseconds), kept as a fact: it has been started within it."""

REASON = "x-lastcall-reason"
EXCEPTION = "x-lastcall-exception"
TRACEBACK = "x-lastcall-traceback"
PARKED_AT = "x-lastcall-parked-at"
HEADERS_LEFT_OUT = "x-lastcall-headers-left-out"
RAW_PROPERTIES = "x-lastcall-raw-properties"
"""The story of a parked message."""

SENDER_SELECTED = {"CC": "x-lastcall-cc", "BCC": "x-lastcall-bcc"}
"""RabbitMQ routes a message to the queues in these headers too (sender-selected distribution): the copy would
go back to where it came from, and fail there again, for ever."""

RETURNS = "x-delivery-count"
"""RabbitMQ's: how often a quorum queue took the message back (up to 4.2), or took it back as failed (from 4.3)."""
ACQUIRED = "x-acquired-count"
"""RabbitMQ's, from 4.3: how often a quorum queue has handed the message out."""
