"""What the Cluster Operator is told of a broker: its RabbitMQ's version, and its rabbitmq.conf.

May know: RabbitmqCluster. May not know: what stands on it, rules.
"""

import re
from collections.abc import Sequence

from consumer.check.documents.document import Document, at, text
from consumer.core.facts import Version

VERSION: Version = (4, 0)
"""Taken where nothing tells it: the one on which most is lost by returning messages."""
_IMAGE = re.compile(r"(?:^|/)[\w.-]*rabbitmq[\w.-]*:v?(?P<major>[3-9])(?:\.(?P<minor>\d{1,3}))?(?![\d])")
_TIMEOUT = re.compile(r"^\s*consumer_timeout\s*=\s*(\d{1,15})\s*(?:#.*)?$", re.MULTILINE)


def is_rabbitmq(document: Document) -> bool:
    """Whether it is a resource of one of RabbitMQ's operators."""
    return text(document.content.get("apiVersion")).startswith("rabbitmq.com/")


def version(documents: Sequence[Document], resource: Document) -> Version:
    """RabbitMQ's, on the cluster that the resource names: by the tag of an image that has RabbitMQ's name."""
    name = text(at(resource.content, "spec", "rabbitmqClusterReference", "name"))
    clusters = [each for each in documents if each.kind == "RabbitmqCluster" and name in {"", each.name}]
    versions = {_version(each) for each in clusters}
    return versions.pop() if len(versions) == 1 else VERSION


def _version(cluster: Document) -> Version:
    found = _IMAGE.search(text(at(cluster.content, "spec", "image")))
    return (int(found["major"]), int(found["minor"] or 0)) if found else VERSION


def broker_timeout(documents: Sequence[Document]) -> tuple[float, str] | None:
    """The consumer_timeout in the rabbitmq.conf of a RabbitmqCluster, in seconds, and where it stands."""
    for each in documents:
        if each.kind == "RabbitmqCluster":
            path = ("spec", "rabbitmq", "additionalConfig")
            found = _TIMEOUT.search(text(at(each.content, *path)))
            if found:
                return int(found[1]) / 1000, str(each.where.at(".".join(path)))
    return None
