"""Two more places where settings come from: files that hold a secret, and the plain `AMQP_URL`.

May know: pydantic-settings, the environment. May not know: which settings there are.
"""

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from consumer.errors import ConfigurationError


def secret_fields(settings: type[BaseSettings]) -> tuple[str, ...]:
    """The names of the settings that are secrets: never shown, and readable from a file."""
    return tuple(name for name, field in settings.model_fields.items() if _is_secret(field.annotation))


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


class SecretFiles(PydanticBaseSettingsSource):
    """`LASTCALL_X_FILE` names a file that holds the secret x, as container platforms mount them."""

    def __call__(self) -> dict[str, Any]:
        """The secrets that have a file and that no stronger source has given.

        Raises:
            ConfigurationError: A named file can't be read.
        """
        sought = (name for name in secret_fields(self.settings_cls) if name not in self.current_state)
        return {name: _content(variable) for name in sought if os.environ.get(variable := self._variable(name))}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One secret (asked for by pydantic-settings' interface; `__call__` answers for all of them)."""
        return self().get(field_name), field_name, False

    def _variable(self, name: str) -> str:
        return f"{self.config['env_prefix']}{name}_file".upper()


class PlainAmqpUrl(PydanticBaseSettingsSource):
    """`AMQP_URL`, the name that hosting platforms use, for where nothing of ours is set."""

    def __call__(self) -> dict[str, Any]:
        """The address, if the environment has it."""
        url = os.environ.get("AMQP_URL")
        return {"amqp_url": url} if url else {}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One value (asked for by pydantic-settings' interface; `__call__` answers for all of them)."""
        return self().get(field_name), field_name, False


def _content(variable: str) -> str:
    path = Path(os.environ[variable])
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{variable} names {path}, which can't be read ({error}): mount or mend it."
        ) from error
