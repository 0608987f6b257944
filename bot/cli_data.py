"""Commands that take data in and give it out: imports, commission plans, exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_support import Json, Refused, load_settings, opened, progress, said, show, time_argument

if TYPE_CHECKING:
    from domain.money.plans import Findings

plan = typer.Typer(help="Commission plans: validate and publish.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.command("import")(import_)
    cli.command()(export)
    cli.add_typer(plan, name="plan")


KINDS = ("products", "members", "orders", "stock")
BAD_ROWS_SHOWN = 50
UNITS = "Amounts are minor units (fen, cents); the columns that end in _decimal say the same in whole ones."


def import_(
    kind: Annotated[str, typer.Argument(metavar="products|members|orders|stock")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or XLSX.")],
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="If one row is bad, nothing goes in.")
    ] = False,
    json: Json = False,
) -> None:
    """Take in a table. Each bad row is shown with its line and the reason; the good ones go in."""
    if kind not in KINDS:
        raise typer.BadParameter(f"one of {', '.join(KINDS)}", param_hint="kind")
    settings = load_settings()
    from bot.app import clock
    from bot.imports import Import, import_file
    from bot.tables import FileUnreadable
    from domain.cells import Reading

    reading = Reading(currency=settings.currency, zone=settings.timezone)
    with opened(settings) as database, progress(f"reading {file.name}") as told:
        wanted = Import(kind, file, reading, "cli", clock(), told)
        try:
            report = import_file(database, wanted, all_or_nothing=all_or_nothing)
        except FileUnreadable as error:
            raise Refused(str(error)) from None
    bad = [row._asdict() for row in report.bad]
    counts = ", ".join(f"{count} {status}" for status, count in sorted(report.counts.items())) or "nothing"
    lines = [f"line {row.line}: {row.field}: {row.reason}" for row in report.bad[:BAD_ROWS_SHOWN]]
    if len(bad) > BAD_ROWS_SHOWN:
        lines.append(f"… and {len(bad) - BAD_ROWS_SHOWN} more; --json shows all of them.")
    lines.append(f"{kind}: {counts}." if report.kept else f"Nothing was taken in: {len(bad)} bad rows.")
    show({"kept": report.kept, "counts": dict(report.counts), "bad": bad}, *lines)
    if bad:
        raise typer.Exit(1)


def export(
    kind: Annotated[str, typer.Argument(metavar="ledger|orders")],
    file: Annotated[
        Path, typer.Option("-o", "--output", dir_okay=False, help=".csv, .xlsx, for the ledger also .beancount")
    ],
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Not before; all if left out.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this; all if left out.")] = None,
    json: Json = False,
) -> None:
    """Write the ledger or the orders into a table for finance."""
    known = {"ledger": (".csv", ".xlsx", ".beancount"), "orders": (".csv", ".xlsx")}
    if kind not in known:
        raise typer.BadParameter(f"one of {', '.join(known)}", param_hint="kind")
    if file.suffix not in known[kind]:
        raise typer.BadParameter(f"a name that ends in one of {' '.join(known[kind])}", param_hint="--output")
    first, last = time_argument(from_, "--from"), time_argument(to, "--to")
    settings = load_settings()
    from bot import exports
    from domain import exports as rows

    with opened(settings) as database:
        if file.suffix == ".beancount":
            count = database.read_now(lambda db: exports.write_beancount(file, rows.entries(db, first, last)))
        elif kind == "ledger":
            count = database.read_now(
                lambda db: exports.write_table(file, rows.LEDGER, rows.ledger_rows(db, first, last))
            )
        else:
            count = database.read_now(
                lambda db: exports.write_table(file, rows.ORDERS, rows.order_rows(db, first, last))
            )
    units = [] if file.suffix == ".beancount" else [UNITS]
    show({"file": str(file), "rows": count}, f"{count} rows in {file}", *units)


PlanFile = Annotated[Path, typer.Argument(metavar="FILE.toml", exists=True, dir_okay=False, help="The plan.")]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8 text.") from None


@plan.command()
def check(file: PlanFile, json: Json = False) -> None:
    """Say what stands against a plan, line by line and against the catalogue. Changes nothing; exit 1 for errors."""
    text = _read(file)
    settings = load_settings()
    from domain.money import plans

    with opened(settings) as database:
        found: Findings = database.read_now(lambda db: plans.check(db, text))
    data = {
        "ok": not (found.errors or found.guard),
        "errors": said(settings, found.errors),
        "guard": said(settings, found.guard),
        "warnings": said(settings, found.warnings),
    }
    kinds = (("errors", "error"), ("guard", "guard"), ("warnings", "warning"))
    lines = [f"{said_as}: {line}" for kind, said_as in kinds for line in data[kind]]  # type: ignore[attr-defined]
    show(data, *(lines or ["Nothing stands against this plan."]))
    if not data["ok"]:
        raise typer.Exit(1)


@plan.command()
def publish(
    file: PlanFile,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="In force from then on; from now on if left out.")
    ] = None,
    accept_guard: Annotated[
        bool, typer.Option("--accept-guard", help="Accept rates above the margin guard; the guard still caps them.")
    ] = False,
    json: Json = False,
) -> None:
    """Put a plan in force."""
    text = _read(file)
    start = time_argument(from_, "--from")
    settings = load_settings()
    from bot.app import clock
    from domain.money import plans
    from domain.money.plans import PlanRefused
    from domain.periods import format_instant

    with opened(settings) as database:
        try:
            done = database.write_now(
                lambda db: plans.publish(
                    db, text, effective_from=start, by="cli", accept_guard=accept_guard, now=clock()
                )
            )
        except PlanRefused as refused:
            errors = said(settings, refused.errors)
            raise Refused(
                "The plan is not published:\n" + "\n".join(f"  {line}" for line in errors), errors=errors
            ) from None
    warnings = said(settings, done.warnings)
    data = {"id": done.plan_id, "name": done.name, "from": done.effective_from, "warnings": warnings}
    show(
        data,
        *(f"warning: {line}" for line in warnings),
        f"Plan “{done.name}” is in force from {format_instant(done.effective_from.replace(microsecond=0))}.",
    )
