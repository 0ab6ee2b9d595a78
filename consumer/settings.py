"""The settings of a worker: what they mean, where they come from, and how a wrong one is told.

Order: flags > `LASTCALL_*` > `LASTCALL_*_FILE` (secrets) > `.env` > `AMQP_URL` > defaults.
May know: pydantic, the environment. May not know: the engine, the broker, the command line.
"""

import difflib
import signal
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.addresses import check_addresses, check_management, masked, split_addresses
from consumer.core.retry import RetryPolicy
from consumer.errors import LONGEST_RETRY, ConfigurationError
from consumer.listening import listen_address
from consumer.settings_sources import PlainAmqpUrl, SecretFiles, secret_fields

__all__ = ["Settings", "masked", "named"]


def _given(overrides: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in overrides.items() if value is not None}


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _none_by_name(value: object) -> object:
    return None if value == "none" else value


def _signals(value: str) -> str:
    names = [name.strip().upper() for name in value.split(",") if name.strip()]
    full = [name if name.startswith("SIG") else f"SIG{name}" for name in names]
    for name in full:
        if name not in signal.Signals.__members__:
            raise ValueError(f"this system has no signal {name!r}: name some such as SIGHUP or SIGUSR1")
        if name in NO_STOPS:
            raise ValueError(f"{name} can't be a stop signal: {NO_STOPS[name]}")
    return ",".join(full)


def _checked(value: SecretStr) -> SecretStr:
    check_addresses(value.get_secret_value())
    return value


def _checked_management(value: SecretStr) -> SecretStr:
    check_management(value.get_secret_value())
    return value


NO_STOPS = {
    "SIGKILL": "no process can catch it",
    "SIGSTOP": "no process can catch it",
    "SIGQUIT": "it ends the worker at once",
    "SIGTSTP": "it makes the worker quiet",
    "SIGCONT": "it makes a quiet worker resume",
    "SIGCHLD": "it comes whenever a child process ends",
}
"""Signals that mean something else, and what."""


def _checked_listening(value: str) -> str:
    listen_address(value)
    return value


AmqpUrl = Annotated[SecretStr, AfterValidator(_checked)]
ManagementUrl = Annotated[SecretStr, AfterValidator(_checked_management)]
ListenAddress = Annotated[str, AfterValidator(_checked_listening)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
LogFormat = Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)]


class Settings(BaseSettings):
    """What a worker can be told from outside. Times are in seconds. Frozen: see `load` and `overridden`."""

    model_config = SettingsConfigDict(
        env_prefix="LASTCALL_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )
    FLAGS: ClassVar[tuple[str, ...]] = (
        "amqp_url",
        "prefetch",
        "concurrency",
        "drain_timeout",
        "connect_timeout",
        "queue_prefix",
        "log_level",
        "log_format",
        "events",
        "max_messages",
        "idle_timeout",
        "loop",
        "processes",
        "health",
        "tracing",
        "pod_deletion_cost",
    )
    """The settings that are flags of `lastcall run` too."""

    amqp_url: AmqpUrl = Field(
        default=SecretStr("amqp://guest:guest@localhost:5672/"),
        description="The broker's address; several, separated by commas, are tried in turn."
        " Default: guest on localhost.",
    )
    management_url: ManagementUrl | None = Field(
        None, description="The broker's management API, for what AMQP doesn't tell of queues: their policies."
    )
    tls_ca_file: FilePath | None = Field(None, description="The CA that signed the broker's certificate (PEM).")
    tls_cert_file: FilePath | None = Field(None, description="The client's certificate (PEM).")
    tls_key_file: FilePath | None = Field(None, description="The key of the client's certificate (PEM).")
    tls_verify: bool = Field(True, description="Check the broker's certificate and name (amqps).")
    concurrency: Annotated[PositiveInt, Field(le=65535)] = Field(
        10, description="Handlers running at once, for each queue."
    )
    prefetch: Annotated[PositiveInt, Field(le=65535)] | None = Field(
        None,
        description="Unacked deliveries held at once, for each queue. Default: as the concurrency,"
        " so that nothing waits here that another worker could run.",
    )
    retry_attempts: Annotated[PositiveInt, Field(le=10_000)] = Field(
        1, description="Starts of a failing handler in all; 1: the first failure parks the message."
    )
    retry_first_wait: Annotated[float, Field(ge=0, le=LONGEST_RETRY)] = Field(
        1, description="The wait before the second attempt; each further one is twice as long."
    )
    retry_longest_wait: Annotated[float, Field(ge=0, le=LONGEST_RETRY)] = Field(
        300, description="What a wait between attempts is at most."
    )
    drain_timeout: Seconds = Field(
        25,
        description="How long a stopping worker lets handlers finish; keep it under the grace period.",
    )
    stop_signals: Annotated[str, AfterValidator(_signals)] = Field(
        "", description="Signals that drain as SIGTERM and SIGINT do, separated by commas: SIGHUP, say."
    )
    connect_timeout: Seconds = Field(60, description="How long the first connection is tried for.")
    reconnect_timeout: Annotated[Seconds | None, BeforeValidator(_none_by_name)] = Field(
        300, description='How long a lost broker is tried for before giving up; "none": without end.'
    )
    heartbeat: int = Field(15, ge=1, le=65535, description="The interval of AMQP heartbeats.")
    transport: Literal["fast", "plain"] = Field(
        "fast", description="How deliveries come in: cut from the byte stream (fast), or by aiormq's callback (plain)."
    )
    loop: Annotated[Literal["auto", "asyncio", "uvloop"], BeforeValidator(_lower)] = Field(
        "auto", description="The event loop: asyncio, uvloop, or auto: uvloop where it is installed."
    )
    processes: Annotated[PositiveInt, Field(le=1024)] = Field(
        1, description="Worker processes under one parent, each with its own concurrency and prefetch (`lastcall run`)."
    )
    blocked_after: Annotated[Seconds | None, BeforeValidator(_none_by_name)] = Field(
        2, description='How long a handler may block the event loop before it is named in the log; "none": for ever.'
    )
    health: Annotated[ListenAddress | None, BeforeValidator(_none_by_name)] = Field(
        None,
        description="Where to answer /livez, /readyz, /startupz, /statusz and /metrics: an address and a port"
        ' (127.0.0.1:8080), a port alone (every interface), or "none". Default: none.',
    )
    stuck_after: Seconds = Field(60, description="How long the event loop may be stuck before /livez says so.")
    tracing: Annotated[Literal["off", "parent", "link"], BeforeValidator(_lower)] = Field(
        "off",
        description="OpenTelemetry spans: off; or the span that a message was published in is the parent of its"
        " handler's, or linked.",
    )
    pod_deletion_cost: bool = Field(
        False,
        description="Keep the deletion cost of this Kubernetes pod up to date, so that a scale-in spares busy pods"
        " (needs leave to patch pods: docs/kubernetes.md).",
    )
    queue_prefix: str = Field("", description="Put before the name of every queue, to keep environments apart.")
    log_level: LogLevel = Field("info", description="debug, info, warning or error.")
    log_format: LogFormat = Field("auto", description="console, json, or auto: console on a terminal.")
    events: str | None = Field(None, description="Where to write every event as a JSON line: a file, or - (stdout).")
    max_messages: PositiveInt | None = Field(None, description="Start at most so many messages, then drain.")
    idle_timeout: Seconds | None = Field(None, description="Drain after so many seconds without a delivery.")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The broker's addresses, in the order to try them, passwords and all: show them through `masked`."""
        return split_addresses(self.amqp_url.get_secret_value())

    @property
    def retry_policy(self) -> RetryPolicy:
        """The failure policy of handlers that have none of their own."""
        return RetryPolicy(
            attempts=self.retry_attempts, first_wait=self.retry_first_wait, longest_wait=self.retry_longest_wait
        )

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the settings from every source; an override (unless None) comes before all of them.

        Raises:
            ConfigurationError: A setting is wrong or unknown; one line a problem.
        """
        return cls._validated(_given(overrides), env_file=".env")

    def overridden(self, **overrides: object) -> Self:
        """These settings with some (those that aren't None) replaced, and all validated again.

        Raises:
            ConfigurationError: A setting is wrong or unknown; one line a problem.
        """
        return self._validated({**dict(self), **_given(overrides)}, env_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say where settings are looked for, the strongest source first (called by pydantic-settings)."""
        is_there = isinstance(dotenv_settings, DotEnvSettingsSource) and bool(dotenv_settings.env_vars)
        dotenv = (dotenv_settings,) if is_there else ()  # an empty one would be asked for every setting all the same
        return init_settings, env_settings, SecretFiles(cls), *dotenv, PlainAmqpUrl(cls)

    @model_validator(mode="after")
    def _key_has_its_certificate(self) -> Self:
        if self.tls_key_file and not self.tls_cert_file:
            raise ValueError("tls_key_file is given without tls_cert_file: name the certificate of that key too")
        return self

    @model_validator(mode="after")
    def _one_process_tells_the_pods_cost(self) -> Self:
        if self.pod_deletion_cost and self.processes > 1:
            raise ValueError("pod_deletion_cost is for one process in a pod: leave out processes, and scale the pods")
        return self

    @classmethod
    def _validated(cls, given: dict[str, Any], env_file: str | None) -> Self:
        _refuse_unknown(given, cls.model_fields)
        try:
            return cls(_env_file=env_file, **given)
        except ValidationError as error:  # raised anew outside: as a cause it would carry the input, passwords too
            problems = "\n".join(_told(problem) for problem in error.errors(include_url=False))
        except (OSError, UnicodeDecodeError) as error:
            problems = f"The file {env_file} can't be read ({error}): mend it, or start elsewhere."
        raise ConfigurationError(problems)


def named(setting: str) -> str:
    """A setting with the places where it can be given: `prefetch (--prefetch or LASTCALL_PREFETCH)`."""
    flag = f"--{setting.replace('_', '-')} or " if setting in Settings.FLAGS else ""
    return f"{setting} ({flag}LASTCALL_{setting.upper()})"


def _told(problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{message}."
    setting = str(problem["loc"][0])
    secret = setting in secret_fields(Settings)
    given = "" if secret else f" {problem['input']!r:.80} was given."
    return f"{named(setting)}:{given} {message}."


def _refuse_unknown(given: Mapping[str, object], known: Iterable[str]) -> None:
    for name in given.keys() - set(known):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the settings are: {', '.join(sorted(known))}."
        raise ConfigurationError(f"There is no setting {name!r}: {hint}")
