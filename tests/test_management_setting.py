"""The management API's address: optional, checked, and a secret like the broker's own."""

from pathlib import Path

import pytest

from consumer import Settings
from consumer.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("bare_environment")
URL = "http://u:hunter2@broker:15672"


def test_without_it_nothing_is_asked() -> None:
    assert Settings.load().management_url is None


@pytest.mark.parametrize("url", [URL, "https://broker", "https://u:p%2Fq@broker:15671/rabbit"])
def test_it_is_taken_and_never_shown(url: str) -> None:
    settings = Settings.load(management_url=url)
    assert settings.management_url is not None
    assert settings.management_url.get_secret_value() == url
    assert "hunter2" not in repr(settings)


def test_it_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "management-url"
    secret.write_text(f"{URL}\n")
    monkeypatch.setenv("LASTCALL_MANAGEMENT_URL_FILE", str(secret))
    settings = Settings.load()
    assert settings.management_url is not None
    assert settings.management_url.get_secret_value() == URL


@pytest.mark.parametrize("url", ["hunter2", "amqp://u:hunter2@broker", "http://", "http://u:hunter2/@broker:1"])
def test_a_wrong_one_is_refused_by_its_name_and_quoted_nowhere(url: str) -> None:
    with pytest.raises(ConfigurationError, match="LASTCALL_MANAGEMENT_URL") as refused:
        Settings.load(management_url=url)
    assert "hunter2" not in str(refused.value)
