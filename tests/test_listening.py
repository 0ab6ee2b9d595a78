"""Where health is asked for, as text: read, refused with the mend, and shifted for each of several processes."""

import pytest

from consumer import ConfigurationError, Settings
from consumer.listening import listen_address, shifted


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8080", ("", 8080)),
        (":8080", ("", 8080)),
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8080", ("::1", 8080)),
        (" 127.0.0.1:1 ", ("127.0.0.1", 1)),
    ],
)
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert listen_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "http", "localhost", "localhost:http", "::1:8080", "8080:", "1:65536", "1:-1", "1:²"]
)
def test_what_is_none_is_refused_with_the_mend(text: str, bare_environment: object) -> None:
    with pytest.raises(ValueError, match=r"It takes a port|takes brackets"):
        listen_address(text)
    if text:
        with pytest.raises(ConfigurationError, match="LASTCALL_HEALTH"):
            Settings.load(health=text)


def test_none_switches_it_off_whatever_the_environment_says(
    bare_environment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTCALL_HEALTH", "0.0.0.0:8080")
    settings = Settings.load()
    assert settings.health == "0.0.0.0:8080"
    assert Settings.load(health="none").health is None
    assert settings.overridden(health="none").health is None


def test_each_process_has_the_port_after_the_one_before() -> None:
    assert [shifted("0.0.0.0:8080", by) for by in (0, 1, 2)] == ["0.0.0.0:8080", "0.0.0.0:8081", "0.0.0.0:8082"]
    assert shifted("8080", 3) == "8083"
    assert shifted("[::1]:80", 1) == "[::1]:81"
    assert shifted("127.0.0.1:0", 5) == "127.0.0.1:0"
    with pytest.raises(ValueError, match="no port 65536"):
        shifted("65535", 1)
