"""What is set up at WeChat for people to find and share: the menu, codes for inviting, pictures uploaded once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from datetime import timedelta
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from bot import cli, cli_support
from bot.channels import wechat_menu
from domain.mall import scene_codes
from domain.schema import Member, PlatformFile, SceneCode
from handlers.routing import discover
from tests.bot.channels.wechat_scene import Scene, scene, seller
from tests.fakes.wechat import APP_ID, APP_SECRET, TOKEN, FakeWeChat
from tests.fakes.wechat_person import Person
from tests.handlers.house import House

QRCODE, UPLOAD = "qrcode/create", "media/upload"


def scanned(picture: bytes | None) -> str:
    assert picture
    return str(cv2.QRCodeDetectorAruco().detectAndDecode(np.asarray(Image.open(BytesIO(picture)).convert("L")))[0])


def made(at: Scene, path: str) -> int:
    return len([called for called, _ in at.fake.calls if called == path])


async def invite_poster(person: Person) -> bytes:
    await person.says("邀请")
    shown = await person.chooses("邀请海报")
    assert shown.kind == "image"
    assert shown.picture
    return shown.picture


async def test_a_poster_made_on_wechat_leads_into_the_account_and_its_code_is_made_once(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        url = scanned(await invite_poster(lin))
        assert at.fake.scenes[url] == house.code("lin", "invite")
        words = await lin.hears("扫码进公众号")
        assert "12月23日前有效" in words.text
        house.now += timedelta(days=10)
        assert scanned(await invite_poster(lin)) == url
        assert len(at.fake.scenes) == 1
        house.now += timedelta(days=10)  # ten days left are too few to be printed
        assert scanned(await invite_poster(lin)) != url
        assert len(at.fake.scenes) == 2


async def test_a_code_for_ever_is_made_on_request_and_then_used_always(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        await invite_poster(lin)
        await lin.hears("扫码进公众号")
        url = scanned((await lin.chooses("长期有效")).picture)
        assert [sent["action_name"] for path, sent in at.fake.calls if path == QRCODE] == [
            "QR_STR_SCENE",
            "QR_LIMIT_STR_SCENE",
        ]
        await lin.hears("长期有效。")
        one_house.now += timedelta(days=400)
        assert scanned(await invite_poster(lin)) == url
        assert len(at.fake.scenes) == 2


async def test_the_last_permanent_codes_are_not_given_away(one_house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scene_codes, "MOST_PERMANENT", 0)
    async with scene(one_house) as at:
        lin = await seller(at)
        await lin.clicks_menu("invite_poster:permanent")
        await lin.hears("前有效")
        with at.office.database.transaction() as db:
            assert db.scalar(select(func.count()).where(SceneCode.expires_at.is_(None))) == 0


@pytest.mark.parametrize(("kind", "code"), [("subscription", None), ("service", 48001), ("service", -1)])
async def test_where_wechat_makes_no_code_the_poster_leads_to_our_page(one_house: House, kind: str, code: int | None):
    async with scene(one_house, settings={"FENXIAO_WECHAT__KIND": kind}) as at:
        lin = await seller(at)
        if code is not None:
            at.fake.fault(QRCODE, "errcode", code=code)
        assert scanned(await invite_poster(lin)).startswith("https://shop.example/chat?invite=")
        assert at.alerts() == ({"wechat_capability:qrcode"} if code == 48001 else set())


async def test_who_scans_joins_the_sponsor_exactly_once_however_often_they_scan(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        url = scanned(await invite_poster(lin))
        before = at.counted()[1]
        mei = at.fake.person("o-new")
        assert "小林" in (await mei.scans(url)).text
        await mei.repeats()
        assert "小林" in (await mei.scans(url)).text  # follows already: another kind of event
        await mei.chooses("免费加入")
        await mei.says("小新")
        house.now += timedelta(seconds=1)
        theirs = house.code("mei", "invite")
        for again in (lambda: mei.scans(url), lambda: mei.scans(theirs)):
            house.now += timedelta(seconds=1)
            assert "免费加入" not in (await again()).text
        with at.office.database.transaction() as db:
            sponsors = db.scalars(select(Member.sponsor_id).where(Member.name == "小新")).all()
        assert sponsors == [house.member("lin")]
        assert at.counted()[1] == before + 1


async def test_a_picture_is_uploaded_once_in_its_three_days_also_after_a_restart(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        first = await invite_poster(lin)
        assert await invite_poster(lin) == first
        assert made(at, UPLOAD) == 1
        with at.office.database.transaction() as db:
            kept = db.execute(select(PlatformFile.account, PlatformFile.expires_at)).one()
        assert kept == (f"wechat:{APP_ID}", house.now + timedelta(days=3, hours=-1))
    async with scene(house) as at:
        lin = at.fake.person("o-lin", follows=True)
        at.fake._media |= {"media-000001": (first, house.now)}
        await lin.says("0")
        assert await invite_poster(lin) == first
        assert made(at, UPLOAD) == 0
        house.now += timedelta(days=3)
        await invite_poster(lin)
        assert made(at, UPLOAD) == 1


# The menu


@pytest.mark.parametrize(("locale", "top", "entry"), [("zh", "卖货", "佣金"), ("en", "Sell", "Earnings")])
async def test_the_menu_is_set_by_command_and_each_entry_leads_somewhere(
    one_house: House,
    locale: str,
    top: str,
    entry: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    async with scene(one_house) as at:
        said = await fenxiao(at.fake, monkeypatch, capsys, "wechat", "menu", "--json", locale=locale)
        assert said["set"]
        assert at.fake.menu[0]["name"] == top
        lin = await seller(at)
        for below in (entry for one in at.fake.menu for entry in one["sub_button"]):
            one_house.now += timedelta(seconds=1)
            shown = await lin.clicks_menu(below["key"])
            assert "没找到" not in shown.text, below
        assert "佣金" in (await lin.taps_menu(entry)).text


def test_the_menu_s_entries_are_commands_of_the_conversation():
    commands = {found.name for found in discover().commands}
    entries = [entry for below in wechat_menu.MENU.values() for entry in below]
    assert len(wechat_menu.MENU) <= 3
    assert all(len(below) <= 5 for below in wechat_menu.MENU.values())
    assert set(entries) <= commands
    assert len(entries) == len(set(entries))


async def test_a_menu_that_cannot_be_set_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    async with FakeWeChat() as fake:
        fake.fault("menu/create", "errcode", code=48001, words="api unauthorized")
        said = await fenxiao(fake, monkeypatch, capsys, "wechat", "menu", "--json")
        assert "48001" in said["error"]
        monkeypatch.setenv("FENXIAO_WECHAT__KIND", "subscription")
        monkeypatch.setenv("FENXIAO_WECHAT__CERTIFIED", "false")
        said = await fenxiao(fake, monkeypatch, capsys, "wechat", "menu", "--json")
        assert "may not set its menu" in said["error"]


async def fenxiao(
    fake: FakeWeChat,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    locale: str = "zh",
) -> Any:
    """Run a command as somebody at a terminal does; returns what it says as JSON."""
    account = {"APP_ID": APP_ID, "APP_SECRET": APP_SECRET, "TOKEN": TOKEN, "API_URL": fake.base_url}
    for name, value in account.items():
        monkeypatch.setenv(f"FENXIAO_WECHAT__{name}", value)
    monkeypatch.setenv("FENXIAO_LOCALE", locale)
    monkeypatch.setattr(sys, "argv", ["fenxiao", *arguments])
    monkeypatch.setattr(cli_support, "_json", False)
    capsys.readouterr()

    def run() -> None:
        with contextlib.suppress(SystemExit):
            cli.main()

    await asyncio.to_thread(run)
    return json.loads(capsys.readouterr().out)
