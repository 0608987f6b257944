"""What right values look like: each function gives a value in its one form, or raises ValueError with what is wrong."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from babel.numbers import is_currency
from pydantic import AfterValidator, SecretStr

ROOT = Path(__file__).resolve().parent.parent
SQLITE = "sqlite:///"
POSTGRESQL = "postgresql://"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def database_url(secret: SecretStr) -> SecretStr:
    """A SQLite file with its whole path (a relative one is taken from the repository), or a PostgreSQL URL as it is."""
    url = secret.get_secret_value()
    if url.startswith(SQLITE):
        path = url.removeprefix(SQLITE)
        if path in ("", ":memory:"):
            raise ValueError("names no file, and a database in memory cannot be shared")
        return SecretStr(f"{SQLITE}{ROOT / path}")
    if not url.startswith(POSTGRESQL):
        raise ValueError("begins with neither sqlite:/// nor postgresql://")
    if len(_split(url).path) < 2:
        raise ValueError("names no database")
    return secret


def web_address(url: str) -> str:
    """An http or https address to which paths can be added; no slash at the end."""
    parts = _web(url)
    if parts.query or parts.fragment:
        raise ValueError("has a query or a fragment, but paths are added to it")
    return url.rstrip("/")


def shop_address(url: str) -> str:
    """An http or https address; {sku} and {code} may stand after its host and are filled in later."""
    parts = _web(url.replace("{sku}", "sku").replace("{code}", "code"))
    if "{" in urlsplit(url).netloc:
        raise ValueError("has a placeholder in its host, which must be the same for every link")
    if "{" in parts.geturl() or "}" in parts.geturl():
        raise ValueError("has a placeholder other than {sku} and {code}")
    return url


def _web(url: str) -> SplitResult:
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("begins with neither http:// nor https://")
    if not parts.hostname:
        raise ValueError("has no host")
    if "@" in parts.netloc:
        raise ValueError("has a user name in it")
    if re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise ValueError("has a blank, a control character or a backslash in it")
    return parts


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("has a host or port that cannot be read") from None
    return parts


def split_commas(value: object) -> object:
    """The parts of a comma-separated text, blanks around them removed; anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def networks(value: object) -> object:
    """Addresses and networks (CIDR); bits right of the prefix are ignored."""
    parts = split_commas(value)
    return [_network(part) for part in parts] if isinstance(parts, list | tuple) else parts


def _network(value: object) -> Network:
    if isinstance(value, Network):
        return value
    try:
        return ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        raise ValueError(f"{str(value)!r} is neither an IP address nor a network") from None


def currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"{code!r} is not an ISO 4217 currency code in capitals")
    return code


def telegram_token(secret: SecretStr) -> SecretStr:
    return _matching(secret, r"\d+:[A-Za-z0-9_-]+", "is not of the form digits:letters that BotFather gives")


def webhook_secret(secret: SecretStr) -> SecretStr:
    return _matching(secret, r"[A-Za-z0-9_-]{1,256}", "is not 1 to 256 of A-Z, a-z, 0-9, _ and -")


def aes_key(secret: SecretStr) -> SecretStr:
    return _matching(secret, r"[A-Za-z0-9]{43}", "is not 43 letters and digits")


def api_v3_key(secret: SecretStr) -> SecretStr:
    return _matching(secret, r"[A-Za-z0-9]{32}", "is not 32 letters and digits")


def hook_secret(secret: SecretStr) -> SecretStr:
    """A Standard Webhooks secret: whsec_ and 24 to 64 bytes in base64."""
    prefix, _, encoded = secret.get_secret_value().partition("_")
    if prefix != "whsec" or not encoded:
        raise ValueError("does not begin with whsec_")
    try:
        size = len(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        raise ValueError("is not base64 after whsec_") from None
    if not 24 <= size <= 64:
        raise ValueError(f"holds {size} bytes; 24 to 64 are needed")
    return secret


def _matching(secret: SecretStr, pattern: str, otherwise: str) -> SecretStr:
    if not re.fullmatch(pattern, secret.get_secret_value()):
        raise ValueError(otherwise)
    return secret


def existing_file(path: Path) -> Path:
    """A file that can be read; a relative path is taken from the repository."""
    path = ROOT / path
    if not path.is_file():
        raise ValueError("names no file")
    return path


WebAddress = Annotated[str, AfterValidator(web_address)]
ShopAddress = Annotated[str, AfterValidator(shop_address)]
