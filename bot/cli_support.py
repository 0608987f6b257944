"""What every command shares: settings, the database, the answer as words or as JSON, and refusals as one sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from bot.database import Database
    from bot.rendering import Texts
    from config.settings import Settings
    from domain.errors import Refusal
    from domain.wording import Words

_json = False


def _remember(value: bool) -> bool:
    global _json
    _json = _json or value
    return value


Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object and nothing else.", callback=_remember, is_eager=True, show_default=False
    ),
]


def as_json() -> bool:
    """Say whether --json was given."""
    return _json


class Refused(Exception):
    """The command cannot do what was asked, in a sentence for a person; the exit status is 1."""

    def __init__(self, sentence: str, **details: Any) -> None:
        super().__init__(sentence)
        self.details = details


def show(data: Mapping[str, Any], *lines: str | Table) -> None:
    """Print the answer: `data` with --json, else `lines`."""
    if _json:
        typer.echo(json.dumps(data, ensure_ascii=False, default=_plain))
        return
    for line in lines:
        if isinstance(line, str):
            typer.echo(line)
        else:
            from rich.console import Console

            Console(width=None if sys.stdout.isatty() else 160).print(line)


def _plain(value: object) -> str:
    from domain.periods import format_instant

    return format_instant(value) if isinstance(value, datetime) else str(value)


def table(*columns: str, rows: Sequence[Sequence[object]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(*columns, box=box.SIMPLE_HEAD)
    for row in rows:
        made.add_row(*(Text(_cell(cell)) for cell in row))
    return made


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%SZ}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items())
    return "" if value is None else str(value)


def note(line: str) -> None:
    """Tell the person at the terminal something beside the answer."""
    typer.echo(line, err=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far long work has come; a script sees nothing of it."""
    if not sys.stderr.isatty() or _json:
        yield lambda _done: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda done: status.update(f"{what}: {done:,}")


def load_settings(*, talkative: bool = False) -> Settings:
    """Read the settings and set up the log, whose lines go to standard error. Raises SettingsInvalid.

    A command that ends by itself logs only what is wrong, unless `talkative`.
    """
    from config.logging import configure_logging
    from config.settings import load_settings as load

    settings = load()
    in_json = {"auto": None, "json": True, "console": False}[settings.log_format]
    level = "warning" if not talkative and settings.log_level == "info" else settings.log_level
    configure_logging(in_json, level, secrets=settings.secrets())
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database with a fitting schema. The embedded one is brought up to date here; another one must be already."""
    from bot import migrate
    from bot.preparing import check_currency, open_database

    database = open_database(settings)
    try:
        if database.sqlite:
            migrate.migrate(database)
        elif not database.read_now(migrate.is_current):
            raise Refused("The database has another schema than this program. Run: fenxiao migrate")
        check_currency(database, settings)
        yield database
    finally:
        database.close()


def time_argument(text: str | None, name: str) -> datetime | None:
    """Read an instant as 2026-11-23T02:00:00Z; anything else is wrong usage."""
    from domain.periods import InstantInvalid, parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except InstantInvalid as error:
        raise typer.BadParameter(str(error), param_hint=name) from None


def texts(settings: Settings) -> Texts:
    from bot.rendering import Texts

    return Texts(settings.timezone)


def said(settings: Settings, lines: Sequence[Words]) -> list[str]:
    """Put what the domain says into English, the language of the command line."""
    speaker = texts(settings)
    return [speaker.say(line, "en") for line in lines]


def expected(error: Exception) -> str | None:
    """Return what an expected error says in one sentence (or a line for each wrong setting); None for a bug."""
    from sqlalchemy.exc import OperationalError

    from bot.database import DatabaseUnavailable
    from bot.preparing import CannotStart
    from config.settings import SettingsInvalid
    from domain.errors import Refusal

    if isinstance(error, SettingsInvalid | CannotStart):
        return str(error)
    if isinstance(error, DatabaseUnavailable):
        return f"The database is not available: {error}"
    if isinstance(error, OperationalError):
        return f"The database cannot be used: {str(error.orig).strip().splitlines()[0]}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return _in_words(error) if isinstance(error, Refusal) else None


def _in_words(refusal: Refusal) -> str:
    """A refusal in plain words, or as it is where the texts have none."""
    from zoneinfo import ZoneInfo

    from bot.rendering import Texts
    from domain.errors import Invalid, NotFound
    from domain.wording import Words

    if isinstance(refusal, NotFound):
        asked_for = refusal.params.get("what")
        return f"There is no {asked_for} {refusal.params['id']}." if asked_for else "There is no such thing."
    if isinstance(refusal, Invalid):
        more = [f"{name}: {value}" for name, value in refusal.params.items() if name not in ("field", "reason")]
        return f"{refusal.field}: {refusal.reason.replace('_', ' ')}" + (f" ({'; '.join(more)})" if more else "")
    try:
        params = {name: _in_full(value) for name, value in refusal.params.items()}
        return Texts(ZoneInfo("UTC")).say(Words(f"refusal.{refusal.code}", params), "en")
    except (LookupError, ValueError):
        return str(refusal)


def _in_full(value: object) -> object:
    """A time with its year and zone: a command line is read far from the clock that it speaks of."""
    from domain.periods import format_instant

    return format_instant(value.replace(microsecond=0)) if isinstance(value, datetime) else value


def refuse(sentence: str, details: Mapping[str, Any] | None = None) -> NoReturn:
    """Say no and exit with 1: on standard error, with --json as the object on standard output."""
    if _json:
        typer.echo(json.dumps({"error": sentence, **(details or {})}, ensure_ascii=False, default=_plain))
    else:
        note(sentence)
    sys.exit(1)
