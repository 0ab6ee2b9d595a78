"""Turns single settlements into as few frames as are safe: `multiple` only up to a proven watermark.

May know: the delivery tags of one channel, which count from 1 without gaps (AMQP 0-9-1, basic.deliver).
May not know: channels, the ledger, why a delivery is settled as it is.
"""

from dataclasses import dataclass
from enum import Enum


class Verb(Enum):
    """What the broker is told of a delivery."""

    ACK = "ack"
    NACK = "nack"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Frame:
    """One basic.ack, basic.nack or basic.reject (both with requeue) to be sent."""

    verb: Verb
    tag: int
    multiple: bool = False


class Watermark:
    """Everything up to the watermark is settled and sent; beyond it there are holes: running handlers.

    `multiple=True` covers every unacked tag up to the given one, running handlers included
    (broker rule), so it is used only for runs that begin right above the watermark.
    """

    def __init__(self) -> None:
        self.mark = 0
        self._decided: dict[int, Verb] = {}
        self._sent_ahead: set[int] = set()

    def settle(self, tag: int, verb: Verb) -> None:
        """Note what is to be sent for this tag. Each tag is settled once (the ledger sees to it)."""
        self._decided[tag] = verb

    def frames(self) -> list[Frame]:
        """What to send now, in order; afterwards nothing is left to send."""
        frames = [*self._contiguous()]
        frames += [Frame(verb, tag) for tag, verb in sorted(self._decided.items())]
        self._sent_ahead.update(self._decided)
        self._decided.clear()
        return frames

    def _contiguous(self) -> list[Frame]:
        frames: list[Frame] = []
        for tag, verb in self._run_above_the_mark():
            if frames and frames[-1].verb is verb and verb is not Verb.REJECT:  # basic.reject knows no `multiple`
                frames[-1] = Frame(verb, tag, multiple=True)
            else:
                frames.append(Frame(verb, tag))
        return frames

    def _run_above_the_mark(self) -> list[tuple[int, Verb]]:
        run: list[tuple[int, Verb]] = []
        while True:
            tag = self.mark + 1
            if tag in self._decided:
                run.append((tag, self._decided.pop(tag)))
            elif tag in self._sent_ahead:
                self._sent_ahead.remove(tag)
            else:
                return run
            self.mark = tag
