"""The command line: every command with its help, its exit status, and `--json` for scripts."""

from __future__ import annotations

import logging
import os
import string
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import cli_data, cli_people, cli_wechat, cli_work
from bot.cli_support import Json, Refused, expected, load_settings, opened, refuse, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.app import App, Role

cli = typer.Typer(
    help="The whole business of a cross-border shop that sells through people, in chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
api_key = typer.Typer(help="Keys for scripts that use /api/v1.", no_args_is_help=True)
cli_people.register(cli)
cli.add_typer(api_key, name="api-key")
cli_work.register(cli)
cli_data.register(cli)
cli_wechat.register(cli)

TEMPLATES = Path(__file__).parent / "templates"


@cli.command()
def run(
    role: Annotated[
        str, typer.Option(help="all, web, worker or scheduler. Several processes need PostgreSQL.")
    ] = "all",
) -> None:
    """Start everything: web chat, channels, delivery and the clock. Ctrl+C stops it."""
    if role not in ("all", "web", "worker", "scheduler"):
        raise typer.BadParameter("one of all, web, worker, scheduler", param_hint="--role")
    settings = load_settings(talkative=True)
    import uvloop

    from bot import app
    from bot.preparing import CannotStart, prepare

    known_role: Role = role  # type: ignore[assignment]
    try:
        prepared = prepare(settings, app.clock)
        uvloop.run(app.run(settings, prepared, known_role, _welcome))
    except CannotStart as error:
        raise Refused(str(error)) from None
    _leave()


def _leave() -> None:
    """End even if a job is in the middle of something long: it is taken up again at the next start."""
    if any(thread.name.startswith("job") for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(0)


def _welcome(app: App) -> None:
    """Say where to look, in the language of whoever started it."""
    if app.role not in ("all", "web"):
        return
    url, settings = app.settings.public_url, app.settings
    spoken = terminal_language(os.environ, settings.locale if "locale" in settings.model_fields_set else None)
    locale = spoken or settings.locale
    demo = _filled(f"demo.{locale}", public_url=url) if app.demo else ""
    typer.echo(_filled(f"welcome.{locale}", public_url=url, demo=demo))


def terminal_language(environment: Mapping[str, str], chosen: str | None) -> str | None:
    """Return the language that was chosen for the house, else that of the terminal if it says which we speak."""
    named = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return chosen or {"zh": "zh", "en": "en"}.get(named[:2].lower())


def _filled(template: str, **values: str) -> str:
    return string.Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(values)


@cli.command()
def migrate(json: Json = False) -> None:
    """Bring the database to the current schema. Twice is harmless."""
    from bot import migrate as schema
    from bot.preparing import open_database

    database = open_database(load_settings())
    try:
        changed = schema.migrate(database)
    finally:
        database.close()
    show({"changed": changed}, "The database is up to date." if changed else "Nothing to do: it is up to date.")


@cli.command()
def demo(
    members: Annotated[int | None, typer.Option(min=1, help="How many people; large for trials at scale.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How many days of business.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 1,
    json: Json = False,
) -> None:
    """Load the demo shop into an empty database."""
    settings = load_settings()
    from bot.app import clock
    from bot.preparing import load_demo

    with opened(settings) as database:
        made = load_demo(database, settings, clock(), members=members, days=days, seed=seed)
    show(made, "The demo shop is loaded: " + ", ".join(f"{count} {what}" for what, count in made.items()))


@api_key.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Whom or what it is for; stands in the audit log.")],
    scope: Annotated[str, typer.Option(help="read or write.")] = "read",
    json: Json = False,
) -> None:
    """Make a key and print it, once: only a hash of it is kept."""
    if scope not in ("read", "write"):
        raise typer.BadParameter("read or write", param_hint="--scope")
    settings = load_settings()
    from bot.app import clock
    from domain import api_keys

    with opened(settings) as database:
        key = database.write_now(lambda db: api_keys.create(db, name, scope, by="cli", now=clock()))
    show({"key": key, "name": name, "scope": scope}, key)


def main() -> None:
    """Run the command; an expected no is one sentence and exit status 1, wrong usage is 2, a bug shows itself."""
    try:
        cli(prog_name="fenxiao")
    except Refused as error:
        refuse(str(error), error.details)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sentence = expected(error)
        if sentence is None:
            raise
        refuse(sentence)
