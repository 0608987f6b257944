"""Commands about people: who runs the house, and how somebody gets into the web chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_support import Json, Refused, load_settings, opened, show, table
from domain.roles import CHANNELS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from config.settings import Settings

admin = typer.Typer(help="Who runs the house, and how people get into the web chat.", no_args_is_help=True)

BY = "cli"

Who = Annotated[
    str,
    typer.Argument(metavar="WHO", help="telegram:NUMBER, wechat:OPENID or member:ID; for grant also: webchat."),
]


def register(cli: typer.Typer) -> None:
    cli.add_typer(admin, name="admin")


@admin.command()
def grant(
    who: Who,
    name: Annotated[str, typer.Option(help="With webchat: what the new operator is called in chat.")] = "",
    json: Json = False,
) -> None:
    """Make somebody an operator, whether or not they have written yet. `grant webchat` prints a link to enter by."""
    channel, account = _read(who)
    settings = load_settings()
    from bot.app import clock
    from domain.people import entry, members

    def make(db: Session) -> tuple[str, str | None, datetime | None]:
        now = clock()
        if channel == "webchat" and not account:
            called = " ".join(name.split())[:40] or ("运营" if settings.locale == "zh" else "Operator")
            member = members.new_operator(db, called, actor=BY, now=now)
            code, until = entry.make(db, member, actor=BY, now=now)
        else:
            member, code, until = _granted(db, channel, account, now), None, None
        return members.profile(db, member).member_id, code, until

    with opened(settings) as database:
        member_id, code, until = database.write_now(make)
    link, lines = _link(settings, code, until)
    whom = f"{who} is" if account else "There is"
    said = f"{whom} an operator now (member {member_id})."
    show({"member_id": member_id, "operator": True, **link}, said, *lines)


def _granted(db: Session, channel: str, account: str, now: datetime) -> int:
    """Make the one behind a chat account or a member id an operator. Raises Refused for nobody."""
    from domain.people import members

    if channel in ("member", "webchat"):
        member = _known(db, channel, account)
        members.set_operator(db, member, True, actor=BY, now=now)
        return member
    return members.grant_operator(db, channel, account, actor=BY, now=now)


@admin.command()
def revoke(who: Who, json: Json = False) -> None:
    """Let somebody be an operator no longer. They stay a member."""
    channel, account = _read(who)
    settings = load_settings()
    from bot.app import clock
    from domain.people import entry, members

    def take(db: Session) -> tuple[str, int]:
        member = _known(db, channel, account)
        profile = members.profile(db, member)
        if not profile.operator:
            raise Refused(f"{who} is no operator. Show who is with: fenxiao admin list")
        members.set_operator(db, member, False, actor=BY, now=clock())
        entry.cancel(db, member)
        return profile.member_id, len(members.operators(db))

    with opened(settings) as database:
        member_id, left = database.write_now(take)
    note = "" if left else " Nobody runs the house now: name somebody with: fenxiao admin grant"
    show({"member_id": member_id, "operator": False, "left": left}, f"{who} is no operator any more.{note}")


@admin.command("list")
def list_operators(json: Json = False) -> None:
    """Show the operators."""
    settings = load_settings()
    from domain.people import members

    def read(db: Session) -> list[tuple[str, str]]:
        found = [members.profile(db, member) for member in members.operators(db)]
        return [(one.member_id, one.name) for one in found]

    with opened(settings) as database:
        rows = database.read_now(read)
    data = {"operators": [{"member_id": member_id, "name": name} for member_id, name in rows]}
    nobody = "There is no operator. The first one: fenxiao admin grant webchat"
    show(data, table("member", "name", rows=rows) if rows else nobody)


@admin.command("entry")
def entry_link(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="Whose chat it opens: a member id.")],
    json: Json = False,
) -> None:
    """Print a link that lets one browser enter the web chat as this member, once."""
    settings = load_settings()
    from bot.app import clock
    from domain.errors import NotFound
    from domain.people import entry

    def make(db: Session) -> tuple[str, datetime]:
        try:
            return entry.make(db, _known(db, "member", member), actor=BY, now=clock())
        except NotFound:
            raise Refused(f"The member {member} has left.") from None

    with opened(settings) as database:
        link, lines = _link(settings, *database.write_now(make))
    show({"member_id": member, **link}, *lines)


def _read(who: str) -> tuple[str, str]:
    """Take WHO apart; raises wrong usage for what names nobody."""
    channel, _, account = who.partition(":")
    known = who == "webchat" or (channel in (*CHANNELS, "member") and account)
    if not known or (channel == "telegram" and not (account.isascii() and account.isdigit())):
        raise typer.BadParameter("telegram:NUMBER, wechat:OPENID, member:ID or webchat", param_hint="WHO")
    return channel, account


def _known(db: Session, channel: str, account: str) -> int:
    """Return the member behind a chat account or a member id; raises Refused where there is nobody."""
    from domain.people import members

    found = members.by_member_id(db, account) if channel == "member" else members.by_account(db, channel, account)
    if found is not None:
        return found.id
    if channel == "webchat":
        raise Refused(
            "Nobody can be named on the web chat by an account. For somebody new, `fenxiao admin grant webchat` prints "
            "a link to enter by; for a member, write member:ID."
        )
    raise Refused(
        f"There is no member {account}." if channel == "member" else f"Nobody is known as {channel}:{account}."
    )


def _link(settings: Settings, code: str | None, until: datetime | None) -> tuple[dict[str, object], list[str]]:
    """The link as data and as lines for a person; nothing without a code."""
    if code is None or until is None:
        return {}, []
    url = f"{settings.public_url}/chat/enter/{code}"
    ends = until.astimezone(settings.timezone)
    return {"link": url, "expires_at": until}, [
        "Open this in the browser that is to be theirs. It is good once, until "
        f"{ends:%Y-%m-%d %H:%M} ({settings.timezone.key}):",
        f"  {url}",
    ]
