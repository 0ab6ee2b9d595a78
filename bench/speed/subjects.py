"""Who is measured: the command of each, and what share of the messages it gets (the slow ones are given fewer).

May know: the programs beside this file. May not know: how anything is measured.
"""

from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
PACKAGES = (
    "aio-pika",
    "aiormq",
    "uvloop",
    "pika",
    "kombu",
    "faststream[rabbit,cli]",
    "taskiq",
    "taskiq-aio-pika",
    "celery",
    "dramatiq[rabbitmq]",
)
"""What is installed beside this project, and all that it takes: one environment for all."""


@dataclass(frozen=True)
class Subject:
    """`command`: its words; {python} and {bin} are of everybody's environment. `packages`: whose versions to tell.

    `fills`: it fills the queue itself, since its messages have a format of its own.
    """

    name: str
    command: tuple[str, ...]
    packages: tuple[str, ...]
    share: float = 1.0
    fills: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


def _ours(name: str, *python: str, **environment: str) -> Subject:
    command = (
        "{python}",
        *(python or ("-m", "consumer")),
        "run",
        "lastcall_worker:worker",
        "--log-level",
        "warning",
    )
    return Subject(name, command, ("lastcall",), environment=environment)


OURS = "lastcall, uvloop"
SUBJECTS = (
    _ours(OURS, LASTCALL_LOOP="uvloop"),
    _ours("lastcall, asyncio", LASTCALL_LOOP="asyncio"),
    _ours("lastcall, plain transport, uvloop", LASTCALL_LOOP="uvloop", LASTCALL_TRANSPORT="plain"),
    _ours("lastcall, an ack a message, uvloop", "single_acks.py", LASTCALL_LOOP="uvloop"),
    Subject("librabbitmq in C, coalesced acks", ("{build}/librabbitmq", "coalesced"), ("librabbitmq",)),
    Subject("librabbitmq in C, single acks", ("{build}/librabbitmq", "single"), ("librabbitmq",)),
    Subject("bare asyncio.Protocol, uvloop", ("{python}", "protocol_bare.py", "uvloop"), ("uvloop",)),
    Subject("aiormq bare, uvloop, coalesced acks", ("{python}", "aiormq_bare.py", "coalesced"), ("aiormq",)),
    Subject("aiormq bare, uvloop, single acks", ("{python}", "aiormq_bare.py", "single"), ("aiormq",)),
    Subject("pika, BlockingConnection", ("{python}", "pika_blocking.py"), ("pika",)),
    Subject("kombu", ("{python}", "kombu_consumer.py"), ("kombu", "amqp"), 0.5),
    Subject("aio-pika, a task per message", ("{python}", "aio_pika_tasks.py"), ("aio-pika",), 0.5),
    Subject("aio-pika, a task per message, uvloop", ("{python}", "aio_pika_tasks.py", "uvloop"), ("aio-pika",), 0.5),
    Subject("FastStream", ("{bin}/faststream", "run", "faststream_app:app"), ("faststream",), 0.3),
    Subject("pydantic and aio-pika imported", ("{python}", "libraries_alone.py", "typed"), ("pydantic",), 0.05),
    Subject("all our libraries imported", ("{python}", "libraries_alone.py", "ours"), ("pydantic-settings",), 0.05),
    Subject(
        "taskiq-aio-pika",
        (
            "{bin}/taskiq",
            "worker",
            "taskiq_app:broker",
            "--workers",
            "1",
            "--max-async-tasks",
            "100",
            "--no-parse",
            "--log-level",
            "WARNING",
        ),
        ("taskiq", "taskiq-aio-pika"),
        0.2,
        fills="taskiq_app.py",
    ),
    Subject(
        "Celery, threads",
        ("{bin}/celery", "-A", "celery_app", "worker", "--pool", "threads", "--loglevel", "WARNING"),
        ("celery",),
        0.2,
        fills="celery_app.py",
    ),
    Subject(
        "Dramatiq",
        ("{bin}/dramatiq", "dramatiq_app", "--processes", "1"),
        ("dramatiq",),
        0.2,
        fills="dramatiq_app.py",
    ),
)
