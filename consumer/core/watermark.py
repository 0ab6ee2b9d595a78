"""Turns single settlements into as few frames as are safe: `multiple` only below every delivery that is still open.

May know: the delivery tags of one channel, which count up from 1 (AMQP 0-9-1, basic.deliver).
May not know: channels, the ledger, why a delivery is settled as it is.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Verb(Enum):
    """What the broker is told of a delivery."""

    ACK = "ack"
    NACK = "nack"
    REJECT = "reject"

    __hash__ = object.__hash__  # by identity, as they are compared


ACK, NACK, REJECT = Verb
"""By names of their own, as in the ledger."""
_ACKS = {ACK}


class Frame(NamedTuple):
    """One basic.ack, basic.nack or basic.reject (both with requeue) to be sent."""

    verb: Verb
    tag: int
    multiple: bool = False


def coalesced(settled: Mapping[int, Verb], lowest_open: int | None) -> list[Frame]:
    """The frames, in order, for these tags; `lowest_open` is the lowest one of the channel that is not settled.

    `multiple=True` covers every unacked tag up to the given one, running handlers included (broker rule), so it is
    used only below the lowest that is open: there everything else has been sent, or is sent by the frames before.
    """
    if len(settled) > 1 and (lowest_open is None or max(settled) < lowest_open) and set(settled.values()) == _ACKS:
        return [Frame(Verb.ACK, max(settled), multiple=True)]  # nearly all: one frame for however many
    frames: list[Frame] = []
    for tag, verb in sorted(settled.items()):
        is_below = lowest_open is None or tag < lowest_open
        if is_below and frames and frames[-1].verb is verb and verb is not Verb.REJECT:  # which knows no `multiple`
            frames[-1] = Frame(verb, tag, multiple=True)
        else:
            frames.append(Frame(verb, tag))
    return frames
