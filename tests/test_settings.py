"""What the settings promise: where they come from, how a wrong one is told, and that no password shows."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from consumer.errors import ConfigurationError
from consumer.settings import Settings, masked

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LASTCALL_{name.upper()}", raising=False)
        monkeypatch.delenv(f"LASTCALL_{name.upper()}_FILE", raising=False)
    monkeypatch.delenv("AMQP_URL", raising=False)


def test_with_nothing_set_a_worker_talks_to_guest_on_localhost():
    settings = Settings.load()
    assert settings.addresses == ("amqp://guest:guest@localhost:5672/",)
    assert (settings.concurrency, settings.prefetch, settings.drain_timeout) == (10, None, 25)


def test_each_source_of_the_address_gives_way_to_the_stronger_one(monkeypatch, tmp_path):
    secret = tmp_path / "url"
    secret.write_text("amqp://from-file/\n")
    given = []
    steps: tuple[Callable[[], object], ...] = (
        lambda: monkeypatch.setenv("AMQP_URL", "amqp://from-plain/"),
        lambda: (tmp_path / ".env").write_text("LASTCALL_AMQP_URL=amqp://from-dotenv/\nUNRELATED=1\n"),
        lambda: monkeypatch.setenv("LASTCALL_AMQP_URL_FILE", str(secret)),
        lambda: monkeypatch.setenv("LASTCALL_AMQP_URL", "amqp://from-env/"),
    )
    for step in steps:
        step()
        given.append(Settings.load().addresses[0])
    given.append(Settings.load(amqp_url="amqp://from-flag/").addresses[0])
    assert given == [f"amqp://from-{source}/" for source in ("plain", "dotenv", "file", "env", "flag")]


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("LASTCALL_PREFETCH", "")
    assert Settings.load().prefetch is None


def test_a_missing_secret_file_stops_the_start_with_its_variable_and_path(monkeypatch):
    monkeypatch.setenv("LASTCALL_AMQP_URL_FILE", "/nowhere/amqp-url")
    with pytest.raises(ConfigurationError, match=r"LASTCALL_AMQP_URL_FILE names /nowhere/amqp-url"):
        Settings.load()


def test_a_missing_secret_file_is_not_missed_when_a_flag_gives_the_secret(monkeypatch):
    monkeypatch.setenv("LASTCALL_AMQP_URL_FILE", "/nowhere/amqp-url")
    assert Settings.load(amqp_url="amqp://flag/").overridden(prefetch=3).addresses == ("amqp://flag/",)


@pytest.mark.parametrize(
    ("setting", "value", "takes"),
    [
        ("prefetch", "0", "greater than 0"),
        ("prefetch", "65536", "less than or equal to 65535"),
        ("concurrency", "many", "valid integer"),
        ("concurrency", "70000", "less than or equal to 65535"),
        ("drain_timeout", "inf", "finite"),
        ("drain_timeout", "-1", "greater than 0"),
        ("heartbeat", "0", "greater than or equal to 1"),
        ("log_level", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("tls_ca_file", "/nowhere/ca.pem", "file"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(monkeypatch, setting, value, takes):
    monkeypatch.setenv(f"LASTCALL_{setting.upper()}", value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    text = str(caught.value)
    assert text.startswith(f"{setting} (")
    assert f"LASTCALL_{setting.upper()}" in text
    assert repr(value) in text
    assert takes in text


def test_every_wrong_setting_is_told_at_once_one_line_each():
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(prefetch="x", concurrency="y")
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["concurrency", "prefetch"]


def test_a_setting_that_is_no_flag_is_not_told_as_one():
    with pytest.raises(ConfigurationError, match=r"heartbeat \(LASTCALL_HEARTBEAT\)"):
        Settings.load(heartbeat=0)


def test_an_unknown_setting_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigurationError, match="'prefecth': did you mean 'prefetch'"):
        Settings.load(prefecth=3)


def test_a_key_without_its_certificate_is_refused(tmp_path):
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(ConfigurationError, match="tls_key_file is given without tls_cert_file"):
        Settings.load(tls_key_file=key)


def test_flags_that_were_not_given_leave_the_settings_alone():
    settings = Settings.load(prefetch=7).overridden(prefetch=None, concurrency="3")
    assert (settings.prefetch, settings.concurrency) == (7, 3)


def test_settings_given_in_code_are_not_overridden_by_the_environment(monkeypatch):
    settings = Settings.load(prefetch=7)
    monkeypatch.setenv("LASTCALL_PREFETCH", "9")
    assert settings.overridden(concurrency=3).prefetch == 7


def test_reconnecting_without_end_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("LASTCALL_RECONNECT_TIMEOUT", "none")
    settings = Settings.load()
    assert settings.reconnect_timeout is None
    assert settings.overridden(prefetch=2).reconnect_timeout is None


def test_settings_do_not_change_under_a_running_worker():
    settings = Settings.load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.prefetch = 3  # type: ignore[misc]  # the promise is that this can't be done


def test_several_addresses_are_tried_in_the_order_given():
    settings = Settings.load(amqp_url="amqp://u:a,b@one:1/, amqps://two/vhost,")
    assert settings.addresses == ("amqp://u:a,b@one:1/", "amqps://two/vhost")


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        (f"http://u:{SECRET}@host", "start with amqp:// or amqps://"),
        (f"amqp://u:{SECRET}@", "names no host"),
        (f"amqp://u:{SECRET}@host:port", "malformed host or port"),
        (f"amqp://u:{SECRET}/x@host/", "percent-encoded"),
        (f"amqp://u:12/{SECRET}@host/", "percent-encode"),
        (f"amqp://u:1#{SECRET}@host/", "percent-encode"),
        (f"amqp://u:{SECRET}@one,two/", "needs its own amqp://"),
        (f"amqp://good/,http://u:{SECRET}@two", "Address 2"),
        (SECRET, "start with amqp://"),
    ],
)
def test_a_malformed_address_is_told_without_its_password(monkeypatch, address, mend):
    monkeypatch.setenv("AMQP_URL", address)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert "amqp_url (--amqp-url or LASTCALL_AMQP_URL)" in str(caught.value)
    assert mend in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None  # pydantic's error echoes the input: it may not travel along


def test_no_password_shows_in_any_form_of_the_settings():
    settings = Settings.load(amqp_url=f"amqp://u:{SECRET}@host/")
    for text in (repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()):
        assert SECRET not in text
    with pytest.raises(ValidationError) as caught:
        Settings(amqp_url=f"http://u:{SECRET}@host/")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"amqp://u:{SECRET}@host:5672/vhost", "amqp://u:***@host:5672/vhost"),
        (f"amqp://u:{SECRET}@x/{SECRET}@host/", "amqp://u:***@host/"),
        (f"amqp://:{SECRET}@host/", "amqp://:***@host/"),
        ("amqp://host:5672/vhost", "amqp://host:5672/vhost"),
        ("amqp://user@host/", "amqp://user@host/"),
    ],
)
def test_a_masked_address_keeps_all_but_the_password(url, shown):
    assert masked(url) == shown


def test_a_service_in_the_pods_namespace_changes_no_setting(monkeypatch):
    """Kubernetes gives a pod such variables for Services called `lastcall` and `lastcall-health`."""
    before = Settings.load()
    for service in ("LASTCALL", "LASTCALL_HEALTH"):
        monkeypatch.setenv(f"{service}_SERVICE_HOST", "10.0.0.1")
        for suffix in ("PORT", "PORT_8080_TCP"):
            monkeypatch.setenv(f"{service}_{suffix}", "tcp://10.0.0.1:8080")
    assert Settings.load() == before


def test_every_setting_says_what_it_means():
    assert all(field.description for field in Settings.model_fields.values())
