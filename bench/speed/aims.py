"""What the figures are to come to, and what they came to, as ratios that were made within a round.

May know: results, the subjects' names. May not know: how they were measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.speed.measure import Result
from bench.speed.subjects import OURS


@dataclass(frozen=True)
class Aim:
    """`what` of a Result of `of`, divided by that of `by`. `aim` None: a floor or a ceiling, to read the others by."""

    text: str
    what: str
    of: str
    by: str
    aim: str | None = None


C, C_SINGLE = "librabbitmq in C, coalesced acks", "librabbitmq in C, single acks"
AIO_PIKA, FASTSTREAM = "aio-pika, a task per message", "FastStream"
AIORMQ, AIORMQ_SINGLE = "aiormq bare, uvloop, coalesced acks", "aiormq bare, uvloop, single acks"
SINGLE, ON_ASYNCIO = "lastcall, an ack a message, uvloop", "lastcall, asyncio"
TYPED, LIBRARIES = "pydantic and aio-pika imported", "all our libraries imported"

AIMS = (
    Aim("CPU a message against aio-pika with a task per message", "cpu", OURS, AIO_PIKA, "≤ 0.22"),
    Aim("… FastStream", "cpu", OURS, FASTSTREAM, "≤ 0.13"),
    Aim("… pika's bare loop", "cpu", OURS, "pika, BlockingConnection", "≤ 0.5"),
    Aim("… bare aiormq with coalesced acks on uvloop", "cpu", OURS, AIORMQ, "≤ 0.6"),
    Aim("messages/s against librabbitmq in C with coalesced acks", "rate", OURS, C, "≥ 0.6"),
    Aim("exec to first handled message against FastStream", "start", OURS, FASTSTREAM, "≤ 0.5"),
    Aim("… the same on asyncio", "start", ON_ASYNCIO, FASTSTREAM, "≤ 0.5"),
    Aim("… a floor: pydantic with one model, aio-pika, and a bare consumer", "start", TYPED, FASTSTREAM),
    Aim("… a floor: pydantic-settings, typer and tenacity beside them", "start", LIBRARIES, FASTSTREAM),
    Aim("broker CPU a message against this worker with single acks", "broker_cpu", OURS, SINGLE, "≤ 0.6"),
    Aim("… against bare aiormq with single acks", "broker_cpu", OURS, AIORMQ_SINGLE, "≤ 0.6"),
    Aim("… a floor: librabbitmq in C, coalesced against single acks", "broker_cpu", C, C_SINGLE),
)


def aims_table(rounds: Sequence[Mapping[str, Result]]) -> str:
    """A line for each that was measured: the aim, and the median (least to most) of the rounds."""
    lines = ["| | to reach | median (least to most) |", "|---|---|---|"]
    for aim in AIMS:
        ratios = [
            getattr(results[aim.of], aim.what) / getattr(results[aim.by], aim.what)
            for results in rounds
            if aim.of in results and aim.by in results
        ]
        if ratios:
            reached = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            lines.append(f"| {aim.text} | {aim.aim or ''} | {reached} |")
    return "\n".join(lines)
