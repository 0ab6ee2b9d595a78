"""Which of RabbitMQ's resources are the worker's: those of its virtual host.

May know: what has a virtual host. May not know: what it says, rules.
"""

from collections.abc import Collection, Sequence

from consumer.check.documents.clusters import is_rabbitmq
from consumer.check.documents.document import Document, at, mapping, mappings, text
from consumer.check.documents.pods import POD_AT
from consumer.check.finding import Unchecked, Where

ADDRESSES = ("LASTCALL_AMQP_URL", "LASTCALL_AMQP_URL_FILE", "AMQP_URL")
"""The variables that say the broker's address, or where it is; the first one that is set holds."""
LIVE_IN_ONE = frozenset({"Queue", "Exchange", "Policy", "OperatorPolicy", "Permission"})


def vhost(resource: Document) -> str:
    """The virtual host that it is for."""
    return text(at(resource.content, "spec", "vhost")) or "/"


def referred(documents: Sequence[Document]) -> set[tuple[Where, str]]:
    """The workloads, and the variables with an address, where a container's has its value from somewhere else."""
    return {
        (document.where, text(each.get("name")))
        for document in documents
        if document.kind in POD_AT
        for container in mappings(document.content, *POD_AT[document.kind], "containers")
        for each in mappings(container, "env")
        if text(each.get("name")) in ADDRESSES and mapping(each, "valueFrom")
    }


def ours(
    documents: Sequence[Document], known: Collection[str | None], told: str | None
) -> tuple[list[Document], list[Unchecked]]:
    """The documents, without the resources of virtual hosts that are none of the worker's; None: one is not known.

    Where one is not known, a single virtual host is taken for it, and of several the one that the check is `told`.
    """
    resources = [each for each in documents if each.kind in LIVE_IN_ONE and is_rabbitmq(each)]
    found = {vhost(each) for each in resources}
    mine = found & {*known, told} if None in known else found & {*known}
    if None in known and len(found) == 1:
        mine = found
    others = [each for each in resources if vhost(each) not in mine]
    unchecked = []
    if others and (None in known or not mine):
        names = ", ".join(sorted(map(repr, found - mine)))
        why = "nothing says that they are the worker's: its address would (--amqp-url, with --no-broker if need be)"
        unchecked.append(Unchecked(f"RabbitMQ's resources of the virtual hosts {names}", why))
    left_out = set(map(id, others))  # two may be alike, and hold themselves
    return [each for each in documents if id(each) not in left_out], unchecked
