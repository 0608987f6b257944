"""Commands about the daily work: jobs, settlement, announcements, events and messages that need a person, proofs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_support import (
    Json,
    Refused,
    as_json,
    load_settings,
    opened,
    said,
    show,
    table,
    time_argument,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from domain.sales.order_events import EventResult

events = typer.Typer(help="Order events that were refused or could not be applied.", no_args_is_help=True)
outbox_commands = typer.Typer(help="Messages that need a person.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.command()(job)
    cli.command()(settle)
    cli.command()(announce)
    cli.command()(dump)
    cli.command()(audit)
    cli.add_typer(events, name="events")
    cli.add_typer(outbox_commands, name="outbox")


At = Annotated[str | None, typer.Option(metavar="TIME", help="As of this time, such as 2026-11-23T02:00:00Z.")]


def job(
    name: Annotated[str | None, typer.Argument(help="Which job; --list shows them.")] = None,
    at: At = None,
    list_: Annotated[bool, typer.Option("--list", help="Show all jobs and when they are due.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Show the newest runs, of NAME or of all.")] = False,
    state: Annotated[
        str | None, typer.Option(help="Only runs that are: running, done, failed, missed. With --history.")
    ] = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="How many runs. With --history.")] = 30,
    json: Json = False,
) -> None:
    """Run one job now, as the scheduler would at that time."""
    from bot import cli_jobs
    from domain.work import job_words
    from jobs import discover

    jobs = discover()
    if name is not None and name not in jobs:
        raise typer.BadParameter(f"one of {', '.join(jobs)}", param_hint="name")
    if state is not None and state not in cli_jobs.STATES:
        raise typer.BadParameter(f"one of {', '.join(cli_jobs.STATES)}", param_hint="--state")
    instant = time_argument(at, "--at")
    if list_:
        cli_jobs.show_all(jobs)
        return
    settings = load_settings()
    with opened(settings) as database:
        if history:
            cli_jobs.show_history(settings, database, name, state, last)
        elif name is None:
            raise typer.BadParameter("which job? --list shows them", param_hint="name")
        else:
            result = cli_jobs.run(settings, database, name, instant)
            show(result, f"{name}: {said(settings, [job_words.told(name, result)])[0]}")


def settle(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="Not in the future; now if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Make payable what is due. Short for: job settle."""
    from bot import cli_jobs
    from domain.work import job_words

    instant = time_argument(as_of, "--as-of")
    settings = load_settings()
    with opened(settings) as database:
        result = cli_jobs.run(settings, database, "settle", instant)
    show(result, said(settings, [job_words.told("settle", result)])[0])


def announce(
    text_file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[zh=|en=]FILE",
            help="The words, as UTF-8 text. With zh=FILE and en=FILE each reader gets the one in their language.",
        ),
    ] = None,
    audience: Annotated[
        str,
        typer.Option(
            help="all, distributors, merchants, agents, customers, operators, locale:zh, locale:en, tier:NAME, "
            "or the name of a saved audience."
        ),
    ] = "all",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When to send it, such as 2026-11-23T02:00:00Z; now if left out.")
    ] = None,
    kind: Annotated[
        str, typer.Option(metavar="system|business|promotion", help="Who may have muted it.")
    ] = "promotion",
    urgent: Annotated[bool, typer.Option(help="A promotion that does not wait for the end of quiet hours.")] = False,
    picture: Annotated[str | None, typer.Option(metavar="SKU", help="The product whose picture comes with it.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only count the recipients.")] = False,
    report: Annotated[int | None, typer.Option(metavar="ID", help="Write down whom an announcement missed.")] = None,
    file: Annotated[
        Path | None, typer.Option("-o", "--output", dir_okay=False, help="With --report: a .csv or .xlsx file.")
    ] = None,
    json: Json = False,
) -> None:
    """Send one text to an audience, now or at a time; or write down whom one did not reach, and why."""
    if report is not None:
        _report(report, file)
        return
    if not text_file:
        raise typer.BadParameter("needed, unless with --report", param_hint="--text-file")
    instant = time_argument(at, "--at")
    text, text_en = _texts(text_file)
    settings = load_settings()
    from bot.app import clock
    from domain.messages import announcing, audiences
    from domain.messages.announcements import Draft

    now = clock()
    with opened(settings) as database:
        count = partial(audiences.size, audience=audience, now=now, zone=settings.timezone)
        recipients = database.read_now(count)
        if dry_run:
            show({"recipients": recipients}, f"It would go to {recipients} members.")
            return
        made = database.write_now(
            partial(
                announcing.announce,
                draft=Draft(text, text_en, kind, urgent, picture),
                audience=audience,
                at=instant or now,
                by="cli",
                now=now,
            )
        )
    show({"id": made, "recipients": recipients}, f"Announcement {made} to {recipients} members.")


def _report(announcement: int, file: Path | None) -> None:
    if file is None or file.suffix not in (".csv", ".xlsx"):
        raise typer.BadParameter("a name that ends in .csv or .xlsx", param_hint="--output")
    settings = load_settings()
    from bot import missed_people
    from bot.exports import write_table
    from bot.rendering import Texts
    from domain.messages import announcement_report

    speaker, zone = Texts(settings.timezone), settings.timezone

    def written(db: Session) -> int:
        missed = announcement_report.rows(db, announcement, zone)
        rows = (missed_people.row(one, speaker, settings.locale) for one in missed)
        return write_table(file, missed_people.COLUMNS, rows)

    with opened(settings) as database:
        database.read_now(partial(announcement_report.reasons, announcement=announcement, zone=zone))  # is it there?
        count = database.read_now(written)
    show({"file": str(file), "rows": count}, f"{count} not reached, in {file}")


def _texts(files: Sequence[str]) -> tuple[str, str | None]:
    """The text for everybody, or the Chinese and the English one; bad usage is told as such."""
    given: dict[str, str] = {}
    for one in files:
        language, equals, name = one.partition("=")
        if not equals or language not in ("zh", "en"):
            language, name = "", one
        if language in given:
            raise typer.BadParameter("each language only once", param_hint="--text-file")
        given[language] = _read(Path(name))
    if "" in given and len(given) > 1:
        raise typer.BadParameter("one FILE, or zh=FILE and en=FILE", param_hint="--text-file")
    if len(given) == 2:
        return given["zh"], given["en"]
    return next(iter(given.values())), None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--text-file") from None


@events.command("list")
def list_events(json: Json = False) -> None:
    """Show the order events that were refused, or answered 202 and found invalid later."""
    settings = load_settings()
    from domain.sales import order_events

    with opened(settings) as database:
        found = database.read_now(order_events.refused_events)
    data = [
        {
            "id": event.id,
            "type": event.type,
            "order_id": event.order_id,
            "webhook_id": event.webhook_id,
            "errors": [error._asdict() for error in event.errors],
            "waited": event.waited,
            "received_at": event.received_at,
        }
        for event in found
    ]
    rows = [
        (
            event.id,
            event.received_at,
            event.type,
            event.order_id,
            "; ".join(f"{e.field}: {e.reason}" for e in event.errors),
        )
        for event in found
    ]
    show({"events": data}, table("id", "received", "type", "order", "why", rows=rows))


def _retry(db: Session, *, event: int, currency: str, now: datetime) -> EventResult:
    from domain import audit_log
    from domain.sales import order_events

    result = order_events.retry_event(db, event, now=now, settlement_currency=currency)
    after = {"status": result.status}
    audit_log.record(db, actor="cli", action="event.retry", subject=f"order_event:{event}", after=after, now=now)
    return result


@events.command("retry")
def retry_event(
    event: Annotated[int, typer.Argument(metavar="ID", help="As shown by: events list.")], json: Json = False
) -> None:
    """Judge a refused event anew, as if it came now."""
    settings = load_settings()
    from bot.app import clock

    with opened(settings) as database:
        result = database.write_now(partial(_retry, event=event, currency=settings.currency, now=clock()))
    errors = [error._asdict() for error in result.errors]
    if result.status not in ("applied", "duplicate", "waiting"):
        why = "; ".join(f"{error['field']}: {error['reason']}" for error in errors)
        raise Refused(f"Still {result.status}: {why}", status=result.status, errors=errors)
    show({"status": result.status, "errors": errors}, f"Event {event}: {result.status}.")


@outbox_commands.command("list")
def list_outbox(
    state: Annotated[
        str,
        typer.Option(help="unknown, failed, queued, sending, sent, deferred, muted or cancelled."),
    ] = "unknown",
    channel: Annotated[str | None, typer.Option(help="Only what went or goes by telegram, wechat or webchat.")] = None,
    announcement: Annotated[int | None, typer.Option(metavar="ID", help="Only what belongs to it.")] = None,
    failed: Annotated[bool, typer.Option(help="Also those that the platforms refused for good.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    json: Json = False,
) -> None:
    """Show the messages of which nobody knows whether they arrived, or those in another state."""
    settings = load_settings()
    from domain.messages import doubts

    with opened(settings) as database:
        asked = partial(doubts.find, channel=channel, announcement=announcement, limit=limit)
        found = database.read_now(partial(asked, state=state))
        found += database.read_now(partial(asked, state="failed")) if failed and state != "failed" else []
    columns = ("id", "state", "member_id", "text_key", "announcement_id", "channel", "error", "created_at")
    rows = [[getattr(message, column) for column in columns] for message in found]
    show({"messages": [dict(zip(columns, row, strict=True)) for row in rows]}, table(*columns, rows=rows))


@outbox_commands.command("resolve")
def resolve_message(
    message: Annotated[int, typer.Argument(metavar="ID", help="As shown by: outbox list.")],
    decision: Annotated[
        str,
        typer.Argument(
            metavar="sent|resend|drop",
            help="sent: it arrived. resend: try once more, at the risk that it arrives twice. drop: give it up.",
        ),
    ],
    json: Json = False,
) -> None:
    """Decide about a message of unknown fate; resend and drop also take one that was refused."""
    from domain.messages import doubts

    if decision not in doubts.DECISIONS:
        raise typer.BadParameter(f"one of {', '.join(doubts.DECISIONS)}", param_hint="sent|resend|drop")
    settings = load_settings()
    from bot.app import clock

    with opened(settings) as database:
        state = database.write_now(partial(doubts.resolve, message=message, decision=decision, by="cli", now=clock()))
    show({"id": message, "state": state}, f"Message {message} is {state} now.")


def dump(json: Json = False) -> None:
    """Print every table sorted by natural key, without surrogate ids, random codes and recording times."""
    settings = load_settings()
    from domain import dump as dumping

    def printed(db: Session) -> None:
        for line in dumping.lines(db):
            typer.echo(line)

    with opened(settings) as database:
        if as_json():
            show({"lines": database.read_now(lambda db: list(dumping.lines(db)))})
        else:
            database.read_now(printed)


def audit(json: Json = False) -> None:
    """Check every guarantee over the whole database; exit status 1 if any is violated."""
    settings = load_settings()
    from domain import audit as auditing

    with opened(settings) as database:
        found = database.read_now(auditing.violations)
    data = [{"rule": str(one.rule), "rows": [dict(row) for row in one.rows], "more": one.more} for one in found]
    show({"violations": data}, *(map(str, found) if found else [f"All {len(auditing.RULES)} rules hold."]))
    if found:
        raise typer.Exit(1)
