"""Getting into a real house that has nothing but the web chat: a link from the command line opens it, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.people import entry, members
from domain.people.entry import Entry
from domain.schema import AuditRow, Contact, EntryLink
from tests.bot.web.chatting import ChatHouse, Page, chat_open
from tests.bot.web.house import NOW


@pytest.fixture
async def house(sqlite_url: str) -> AsyncIterator[ChatHouse]:
    async with chat_open(sqlite_url, demo=False) as house:
        yield house


def operator(house: ChatHouse, name: str = "云姐") -> int:
    return int(house.write(lambda db: members.new_operator(db, name, actor="cli", now=NOW)))


def link_for(house: ChatHouse, member: int) -> str:
    code, _ = house.write(lambda db: entry.make(db, member, actor="cli", now=NOW))
    return f"/chat/enter/{code}"


async def enter(page: Page, link: str, **headers: str) -> tuple[int, str]:
    given = {"Origin": page.house.base} | page.headers | headers
    async with page.http.post(page.house.base + link, headers=given) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("database", ["sqlite_url", "postgresql_url"])
async def test_the_first_operator_comes_in_by_a_link_and_is_at_the_desk(request: pytest.FixtureRequest, database: str):
    async with chat_open(request.getfixturevalue(database), demo=False) as house, house.page() as page:
        link = link_for(house, operator(house))
        status, html = await page.opens(link)
        assert status == 200
        assert "以 云姐 的身份进入" in html
        assert "运营" in html
        status, html = await enter(page, link)
        assert status == 200
        assert 'id="composer"' in html
        [desk] = await page.says(start="")
        assert "云姐" in desk["text"]
        assert any(button["action"] == "announce" for row in desk["rows"] for button in row)
        actions = house.write(lambda db: db.scalars(select(AuditRow.action).order_by(AuditRow.id)).all())
        assert list(actions)[-3:] == ["member.operator", "entry.link", "entry.use"]


async def test_looking_at_the_link_does_not_use_it_up_and_entering_does(house: ChatHouse):
    link = link_for(house, operator(house))
    async with house.page("en") as preview, house.page("en") as mine, house.page("en") as other:
        for _ in range(3):
            assert (await preview.opens(link))[0] == 200
        assert (await enter(mine, link))[0] == 200
        status, html = await enter(other, link)
        assert status == 404
        assert "does not work any more" in html
        status, html = await other.opens("/chat")
        assert "opened by an invitation" in html
        status, html = await mine.opens(link)  # whoever is in already finds the chat, or is told kindly
        assert status == 404


async def test_of_two_browsers_at_once_one_is_let_in(house: ChatHouse):
    member = operator(house)
    link = link_for(house, member)
    async with house.page() as one, house.page() as other:
        answers = await asyncio.gather(enter(one, link), enter(other, link))
    assert sorted(status for status, _ in answers) == [200, 404]
    chats = house.write(lambda db: db.scalars(select(Contact.channel).where(Contact.member_id == member)).all())
    assert list(chats) == ["webchat"]


async def test_a_new_link_ends_the_one_before_and_a_day_ends_both(house: ChatHouse):
    member = operator(house)
    first, second = link_for(house, member), link_for(house, member)
    async with house.page() as page:
        assert (await page.opens(first))[0] == 404
        assert (await page.opens(second))[0] == 200
    late = NOW + timedelta(hours=24)
    code = second.rpartition("/")[2]
    assert isinstance(house.write(lambda db: entry.find(db, code, now=late - timedelta(seconds=1))), Entry)
    assert house.write(lambda db: entry.find(db, code, now=late)) is None


async def test_only_our_own_page_can_let_a_browser_in(house: ChatHouse):
    link = link_for(house, operator(house))
    async with house.page() as page:
        assert (await enter(page, link, Origin="https://evil.example"))[0] == 403
        assert (await page.opens(link))[0] == 200


async def test_a_browser_that_is_somebodys_is_warned_and_theirs_stays_as_it_was(house: ChatHouse):
    anna = house.write(lambda db: members.by_member_id(db, "anna").id)  # type: ignore[union-attr]
    async with house.page("en") as page:
        await enter(page, link_for(house, anna))
        status, html = await page.opens(link_for(house, anna))  # their own: straight to the chat
        assert (status, 'id="composer"' in html) == (200, True)
        link = link_for(house, operator(house))
        assert "This browser is the chat of Anna now" in (await page.opens(link))[1]
        await enter(page, link)
        assert "You are 云姐" in (await page.opens())[1]
    chats = house.write(lambda db: db.scalars(select(Contact.member_id).where(Contact.channel == "webchat")).all())
    assert anna in chats


async def test_only_a_hash_of_the_link_is_kept_and_guessing_is_slowed_down(house: ChatHouse):
    link = link_for(house, operator(house))
    kept = house.write(lambda db: db.scalars(select(EntryLink.hash)).one())
    assert link.rpartition("/")[2] not in kept
    async with house.page() as page:
        statuses = [(await page.opens(f"/chat/enter/{'A' * 18}{number}"))[0] for number in range(10, 35)]
    assert statuses[0] == 404
    assert statuses[-1] == 429


async def test_a_house_without_an_operator_says_how_the_first_one_comes_in(house: ChatHouse):
    async with house.page("en") as page:
        assert "./fenxiao admin grant webchat" in (await page.opens())[1]
        operator(house)
        assert "./fenxiao admin grant webchat" not in (await page.opens())[1]
