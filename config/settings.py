"""What an operator may set: every variable, what it means, and what is wrong with the values given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from config import shapes
from config.groups import Group, TelegramSettings, WechatpaySettings, WechatSettings, WithdrawalSettings
from config.shapes import ROOT, ShopAddress, WebAddress

PREFIX = "FENXIAO_"
DEFAULT_DATABASE_URL = f"sqlite:///{ROOT / 'var' / 'fenxiao.db'}"
FOR_TESTS = PREFIX + "TEST_"  # read by the test suite, not by the product

PLAIN_WORDS = {
    "string_pattern_mismatch": "has characters that do not belong there",
    "int_parsing": "is not a whole number",
    "float_parsing": "is not a number",
    "finite_number": "is not a number",
    "json_invalid": "is not JSON",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "zoneinfo_str": "is not a time zone of the IANA database",
}


def _default_public_url(validated: dict[str, Any]) -> str:
    return f"http://localhost:{validated.get('port', 8080)}"


class Settings(BaseSettings):
    """All settings, valid. Built by `load_settings`; secrets do not show in its `repr`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(shapes.database_url)] = Field(
        SecretStr(DEFAULT_DATABASE_URL),
        description="SQLite file or PostgreSQL server",
        examples=["sqlite:///var/fenxiao.db or postgresql://user:password@host/name"],
    )
    host: str = Field(
        "127.0.0.1", min_length=1, pattern=r"^\S+$", description="address to listen on", examples=["127.0.0.1"]
    )
    port: int = Field(8080, ge=1, le=65_535, description="port to listen on", examples=["8080"])
    public_url: WebAddress = Field(
        default_factory=_default_public_url,
        description="what links and QR codes begin with",
        examples=["https://go.example.com"],
    )
    trusted_proxies: Annotated[tuple[shapes.Network, ...], BeforeValidator(shapes.networks)] = Field(
        (), description="comma-separated addresses whose X-Forwarded-For is believed", examples=["127.0.0.1,10.0.0.0/8"]
    )
    timezone: ZoneInfo = Field(
        ZoneInfo("Asia/Shanghai"), description="the business day; storage is UTC", examples=["Asia/Shanghai"]
    )
    locale: Literal["zh", "en"] = Field(
        "zh", description="language of those who have not chosen: zh or en", examples=["zh"]
    )
    currency: Annotated[str, AfterValidator(shapes.currency)] = Field(
        "CNY", description="settlement currency", examples=["CNY"]
    )
    shop_url: ShopAddress | None = Field(
        None,
        description="where a product link leads; not set: the built-in shop page",
        examples=["https://shop.example.com/p/{sku}?ref={code}"],
    )
    shop_home_url: WebAddress | None = Field(
        None,
        description="where other links lead; not set: the origin of the shop URL",
        examples=["https://shop.example.com"],
    )
    demo: Literal["auto", "on", "off"] = Field(
        "auto", description="demo shop: auto, on or off; stored at first start", examples=["off"]
    )
    contact: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="whom people are sent to with a question, a text or an address; not set: operators answer in chat",
        examples=["https://work.weixin.qq.com/kfid/kfc123 or a telephone number"],
    )
    withdrawal: WithdrawalSettings = WithdrawalSettings()
    wechatpay: WechatpaySettings = WechatpaySettings()
    telegram: TelegramSettings = TelegramSettings()
    wechat: WechatSettings = WechatSettings()
    hook_secrets: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(shapes.hook_secret)], ...], BeforeValidator(shapes.split_commas)
    ] = Field(
        (),
        description="comma-separated signing secrets of /hooks; without one it answers 404",
        examples=["whsec_ and 24 to 64 random bytes in base64"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="what is logged: debug, info, warning or error", examples=["info"]
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="log lines: auto (console on a terminal, else JSON), json or console", examples=["json"]
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given counts: `load_settings` alone reads the environment."""
        return (init_settings,)

    @property
    def sqlalchemy_url(self) -> str:
        """The database with its driver named. Holds the password: not for logs."""
        url = self.database_url.get_secret_value()
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def shop_home(self) -> str:
        """Where links without a product lead: set, or the origin of the shop, or our own pages. No slash at the end."""
        if self.shop_home_url is not None:
            return self.shop_home_url
        if self.shop_url is None:
            return self.public_url
        shop = urlsplit(self.shop_url)
        return f"{shop.scheme}://{shop.netloc}"

    @property
    def telegram_on(self) -> bool:
        return self.telegram.token is not None

    @property
    def wechat_on(self) -> bool:
        return self.wechat.app_id is not None

    @property
    def log_json(self) -> bool | None:
        """None: as the terminal suggests."""
        return None if self.log_format == "auto" else self.log_format == "json"

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the log to take out wherever it appears."""
        return tuple(_secrets(self))


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for _, inner in value:
            yield from _secrets(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _secrets(inner)


def demo_wanted(settings: Settings) -> bool:
    """Whether a first start loads the demo shop. `auto`: only where nothing real is connected yet."""
    if settings.demo != "auto":
        return settings.demo == "on"
    return (
        settings.database_url.get_secret_value() == DEFAULT_DATABASE_URL
        and not settings.telegram_on
        and not settings.wechat_on
        and not settings.hook_secrets
        and "public_url" not in settings.model_fields_set
    )


class SettingsInvalid(Exception):
    """Some settings are wrong. `problems` and `str()` list all of them, one line each, and no secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Variable:
    """One variable of the environment and the field that it fills."""

    def __init__(self, name: str, path: tuple[str, ...], field: FieldInfo) -> None:
        self.name = name
        self.path = path
        self.meaning = field.description or ""
        self.example = str((field.examples or [""])[0])
        self.default = _as_text(field)

    def problem(self, wrong: str) -> str:
        return f"{self.name}: {wrong}; right is for example: {self.example}"


def _as_text(field: FieldInfo) -> str:
    """A field's default as one would write it in a file; empty where there is none."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        return value.get_secret_value().replace(f"{ROOT}/", "")
    return "" if value in (None, (), {}) else f"{value:g}" if isinstance(value, float) else str(value)


def variables() -> dict[str, Variable]:
    """Every variable there is, by name, in the order in which the settings are declared."""
    return {variable.name: variable for variable in _variables(Settings, ())}


def _variables(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Variable]:
    for name, field in model.model_fields.items():
        here = (*path, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield from _variables(field.annotation, here)
        else:
            yield Variable(PREFIX + "__".join(here).upper(), here, field)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from exactly `environ`; without it, from the process's environment over the `.env` here.

    An empty text counts as not set. A relative path is taken from the current folder in the environment and from the
    repository's in `.env`. Raises SettingsInvalid with every problem at once.
    """
    if environ is None:
        environ = _from_here(os.environ)
        environ = {**_dotenv(ROOT / ".env"), **environ}
    given = {name: value.strip() for name, value in environ.items() if name.startswith(PREFIX) and value.strip()}
    known = variables()
    problems = [_unknown(name, known) for name in given if name not in known and not name.startswith(FOR_TESTS)]
    given = {name: value for name, value in given.items() if name in known}
    problems += _missing(given, known)
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in given.items()}
    try:
        settings = Settings(**source())
    except ValidationError as invalid:
        errors = invalid.errors(include_input=False, include_url=False)
        problems += [_wrong(error, known) for error in errors if error["type"] != "default_factory_not_called"]
        raise SettingsInvalid(sorted(problems)) from None
    if problems:
        raise SettingsInvalid(sorted(problems))
    return settings


def _dotenv(path: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(path, interpolate=False, encoding="utf-8-sig").items()}


def _from_here(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with its relative paths made whole: whoever writes one there means the current folder."""
    whole = dict(environ)
    database, key_file = PREFIX + "DATABASE_URL", PREFIX + "WECHATPAY__KEY_FILE"
    if (url := environ.get(database, "")).startswith(shapes.SQLITE) and not url.endswith(("///", ":memory:")):
        whole[database] = shapes.SQLITE + os.path.abspath(url.removeprefix(shapes.SQLITE))
    if environ.get(key_file):
        whole[key_file] = os.path.abspath(environ[key_file])
    return whole


def _unknown(name: str, known: Mapping[str, Variable]) -> str:
    near = get_close_matches(name.removeprefix(PREFIX), [there.removeprefix(PREFIX) for there in known], n=1)
    hint = f"did you mean {PREFIX}{near[0]}?" if near else "config/example.env lists those there are"
    return f"{name}: there is no such setting; {hint}"


def _missing(given: Mapping[str, str], known: Mapping[str, Variable]) -> Iterator[str]:
    """Say which variables of a group are missing where others of it are set."""
    for group, model in (("WECHAT", WechatSettings), ("WECHATPAY", WechatpaySettings)):
        names = [f"{PREFIX}{group}__{name.upper()}" for name in model.TOGETHER]
        present = [name for name in names if name in given]
        if present:
            yield from (known[name].problem(f"missing, but {present[0]} is set") for name in names if name not in given)


def _wrong(error: ErrorDetails, known: Mapping[str, Variable]) -> str:
    where = error["loc"]
    variable = next(v for v in known.values() if v.path == where[: len(v.path)])
    inner = ".".join(f"number {part + 1}" if isinstance(part, int) else part for part in where[len(variable.path) :])
    what = PLAIN_WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return variable.problem(f"{inner}: {what}" if inner else what)


def example_env() -> str:
    """The text of config/example.env."""
    lines = [
        "# Copy to .env in the repository's root and take away the # of what you set. An empty value counts as not set."
    ]
    for variable in variables().values():
        example = "" if variable.default else f"; for example: {variable.example}"
        lines += ["", f"# {variable.meaning}{example}", f"#{variable.name}={variable.default}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "config" / "example.env").write_text(example_env(), encoding="utf-8")
