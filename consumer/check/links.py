"""The variables that Kubernetes itself gives to a pod for the Services of its namespace.

May know: their names. May not know: which settings there are, rules.
"""

import re
from collections.abc import Collection

_HOST = "_SERVICE_HOST"
_MORE = r"(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"


def service_links(variables: Collection[str]) -> frozenset[str]:
    """Those that come from a Service: it is known by its `X_SERVICE_HOST`, which each has beside the others."""
    services = [name.removesuffix(_HOST) for name in variables if name.endswith(_HOST)]
    of_them = re.compile(f"(?:{'|'.join(map(re.escape, services))})_{_MORE}")
    return frozenset(name for name in variables if services and of_them.fullmatch(name))
