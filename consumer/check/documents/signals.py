"""A stop signal, as Docker and Compose let it be written: `SIGTERM`, `TERM`, `sigterm`, `15`.

May know: the numbers that signals have on Linux. May not know: rules.
"""

NUMBERS = {
    "1": "SIGHUP",
    "2": "SIGINT",
    "3": "SIGQUIT",
    "9": "SIGKILL",
    "10": "SIGUSR1",
    "12": "SIGUSR2",
    "15": "SIGTERM",
}


def signal_name(given: str) -> str:
    """Its full name; a number that isn't known stays one."""
    name = given.strip("\"' ").upper()
    if name.isdecimal():
        return NUMBERS.get(name, name)
    return name if name.startswith("SIG") else f"SIG{name}"
