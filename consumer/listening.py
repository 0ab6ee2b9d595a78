"""Where a worker's health is asked for: an address to listen on, as text.

May know: the form of such an address. May not know: settings, sockets, what is answered there.
"""

EVERYWHERE = ""
"""The host of an address that is a port alone: every interface, IPv6 and IPv4."""


def listen_address(text: str) -> tuple[str, int]:
    """`0.0.0.0:8080`, `[::1]:8080`, or a port alone: `8080`; as host and port.

    Raises:
        ValueError: It is none of these.
    """
    host, _, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("An IPv6 address takes brackets: [::1]:8080")
    if not (port.isascii() and port.isdecimal() and int(port) <= 65535):
        raise ValueError("It takes a port (8080), or an address and a port (127.0.0.1:8080)")
    return host, int(port)


def shifted(text: str, by: int) -> str:
    """The same address, so many ports further up; port 0 (any free one) stays. Raises ValueError past the last one."""
    _, port = listen_address(text)
    if port + by > 65535:
        raise ValueError(f"There is no port {port + by}")
    return text if port == 0 else f"{text.strip().removesuffix(str(port))}{port + by}"
