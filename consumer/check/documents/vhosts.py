"""Which of RabbitMQ's resources are the worker's: those of its virtual host.

May know: what has a virtual host. May not know: what it says, rules.
"""

from collections.abc import Collection, Sequence

from consumer.check.documents.clusters import is_rabbitmq
from consumer.check.documents.document import Document, at, text
from consumer.check.finding import Unchecked

LIVE_IN_ONE = frozenset({"Queue", "Exchange", "Policy", "OperatorPolicy", "Permission"})


def vhost(resource: Document) -> str:
    """The virtual host that it is for."""
    return text(at(resource.content, "spec", "vhost")) or "/"


def ours(documents: Sequence[Document], known: Collection[str | None]) -> tuple[list[Document], list[Unchecked]]:
    """The documents, without the resources of virtual hosts that are none of the worker's; None: one is not known.

    Where one is not known, a single virtual host is taken for it; of several nothing says which it is.
    """
    resources = [each for each in documents if each.kind in LIVE_IN_ONE and is_rabbitmq(each)]
    found = {vhost(each) for each in resources}
    mine = found if None in known and len(found) == 1 else found & {each for each in known if each is not None}
    others = [each for each in resources if vhost(each) not in mine]
    unchecked = []
    if None in known and others:
        names = ", ".join(sorted(map(repr, found - mine)))
        why = "nothing says which of them is the worker's: give its address (--amqp-url, with --no-broker if need be)"
        unchecked.append(Unchecked(f"RabbitMQ's resources of the virtual hosts {names}", why))
    return [each for each in documents if each not in others], unchecked
