"""Commands for the WeChat account itself: what is set up there once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli_support import Json, Refused, load_settings, show

if TYPE_CHECKING:
    from config.settings import Settings

wechat = typer.Typer(help="The official account on WeChat.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    cli.add_typer(wechat, name="wechat")


@wechat.callback()
def _group() -> None:
    """The official account on WeChat."""


@wechat.command()
def menu(
    dry_run: Annotated[bool, typer.Option(help="Only show it.")] = False,
    json: Json = False,
) -> None:
    """Set the account's menu, in the language of the house (FENXIAO_LOCALE); once, and after an upgrade."""
    settings = load_settings()
    from bot.channels import wechat_menu, wechat_routes
    from bot.rendering import Texts

    buttons = wechat_menu.buttons(partial(Texts(settings.timezone).say, locale=settings.locale))
    if not dry_run:
        if not settings.wechat_on:
            raise Refused("WeChat is off: set FENXIAO_WECHAT__APP_ID, __APP_SECRET and __TOKEN.")
        able = wechat_routes.capabilities(settings.wechat.kind, certified=settings.wechat.certified)
        if wechat_routes.MENU not in able:
            raise Refused("An uncertified subscription account may not set its menu: see FENXIAO_WECHAT__KIND.")
        asyncio.run(_set(settings, buttons))
    lines = [f"{top['name']}: " + " · ".join(entry["name"] for entry in top["sub_button"]) for top in buttons]
    show({"menu": buttons, "set": not dry_run}, *lines)


async def _set(settings: Settings, buttons: list[dict[str, Any]]) -> None:
    from bot.channels.outcomes import SendFailed
    from bot.channels.wechat_client import WeChatClient

    account = settings.wechat
    assert account.app_id
    assert account.app_secret
    client = WeChatClient(
        app_id=account.app_id, app_secret=account.app_secret.get_secret_value(), api_url=account.api_url
    )
    try:
        await client.create_menu(buttons)
    except SendFailed as failure:
        raise Refused(f"WeChat did not take the menu: {failure}") from None
    finally:
        await client.close()
