"""Commands that take data in and give it out: imports, commission plans, exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_support import Json, Refused, load_settings, opened, said, show, time_argument

if TYPE_CHECKING:
    from domain.plans import Findings

plan = typer.Typer(help="Commission plans: validate and publish.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.add_typer(plan, name="plan")


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
    from domain import plans

    with opened(settings) as database:
        found: Findings = database.read_now(lambda db: plans.check(db, text))
    data = {
        "ok": not (found.errors or found.guard),
        "errors": said(settings, found.errors),
        "guard": said(settings, found.guard),
        "warnings": said(settings, found.warnings),
    }
    lines = [f"{kind}: {line}" for kind in ("errors", "guard", "warnings") for line in data[kind]]  # type: ignore[attr-defined]
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
    from domain import plans
    from domain.periods import format_instant
    from domain.plans import PlanRefused

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
        f"Plan “{done.name}” is in force from {format_instant(done.effective_from)}.",
    )
