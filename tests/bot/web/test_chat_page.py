"""The chat page in a real browser: typed, tapped, reloaded, cut off and found again."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import select

from bot.channels.sending import Refreshing
from domain.messages import chat_history
from domain.schema import Contact
from domain.wording import words
from handlers.routing import button, reply
from tests.bot.web.chatting import ChatHouse, chat_open, free_port
from tests.bot.web.house import NOW

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def house(sqlite_url: str) -> AsyncIterator[ChatHouse]:
    async with chat_open(sqlite_url, demo=True) as house:
        yield house


async def opened(browser: Browser, house: ChatHouse, *, wide: bool = True, path: str = "/chat") -> Page:
    """A new browser window on the page, which fails on any error of the page's script."""
    size = {"width": 1440, "height": 900} if wide else {"width": 390, "height": 844}
    context = await browser.new_context(viewport=size, locale="zh-CN")  # type: ignore[arg-type]
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    page.on("console", lambda said: print(said.type, said.text))
    await page.goto(house.base + path)
    await expect(page.locator(".latest .choice").first).to_be_visible()
    return page


async def write(page: Page, text: str) -> None:
    before = await page.locator(".message.ours").count()
    await page.fill("#words", text)
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.ours:not(.typing)")).to_have_count(before + 1)


async def test_what_is_typed_and_tapped_is_answered_and_still_there_after_a_reload(browser: Browser, house: ChatHouse):
    page = await opened(browser, house)
    await write(page, "帮助")
    await expect(page.locator(".message.mine .bubble").last).to_have_text("帮助")
    await page.locator(".latest .choice", has_text="首页").click()
    await expect(page.locator(".message.mine .bubble").last).to_contain_text("首页")
    await expect(page.locator(".message.waiting")).to_have_count(0)
    told = await page.locator("#log").inner_text()
    await page.reload()
    await expect(page.locator(".latest .choice").first).to_be_visible()
    assert (await page.locator("#log").inner_text()).splitlines()[-3:] == told.splitlines()[-3:]


async def test_another_seat_shows_another_chat_and_its_notices_as_they_come(browser: Browser, house: ChatHouse):
    page = await opened(browser, house, wide=False)
    await page.click("#open-people")
    await page.click('.seat[data-seat="m-yun"]')
    await expect(page.locator("#you")).to_contain_text("云姐")
    await expect(page.locator(".latest .choice").first).to_be_visible()
    house.tell("m-yun", order_id="A-77")
    await expect(page.locator(".bubble").last).to_contain_text("A-77")
    house.tell("m-lin", order_id="A-88")
    await page.click("#open-people")
    await expect(page.locator('.seat[data-seat="m-lin"] .badge')).to_have_text("1")
    await page.click('.seat[data-seat="m-lin"]')
    await expect(page.locator(".bubble", has_text="A-88")).to_be_visible()
    await expect(page.locator(".bubble", has_text="A-77")).to_have_count(0)


async def test_a_screen_that_changes_by_itself_is_replaced_where_it_stands(browser: Browser, house: ChatHouse):
    page = await opened(browser, house)
    await write(page, "帮助")
    await expect(page.locator(".typing")).to_have_count(0)
    before = await page.locator(".message").count()
    chat = house.write(lambda db: db.scalars(select(Contact.id).where(Contact.account.like("web:%"))).one())
    over = reply(words("announce.state.finished", at=NOW), rows=[[button("button.home", "home")]])
    channel = house.app.channels["webchat"]
    assert isinstance(channel, Refreshing)
    await channel.refresh(chat, "", None, over, "zh")
    await expect(page.locator(".latest")).to_contain_text("发完了")
    assert await page.locator(".message").count() == before


async def test_b5_markup_in_a_message_is_shown_and_never_run(browser: Browser, house: ChatHouse):
    page = await opened(browser, house)
    evil = '<img src=x onerror="window.hurt=1"> ]]> \u202e https://a.example/"onmouseover="x'
    await write(page, evil)
    await expect(page.locator(".message.mine .bubble").last).to_contain_text('<img src=x onerror="window.hurt=1"> ]]>')
    assert await page.evaluate("window.hurt") is None
    assert await page.locator("#log img:not(.picture img)").count() == 0


async def test_after_the_line_was_cut_the_page_comes_back_by_itself_with_what_was_missed(
    browser: Browser, sqlite_url: str
):
    port = free_port()
    async with chat_open(sqlite_url, demo=True, port=port) as house:
        page = await opened(browser, house)
    await expect(page.locator("#offline")).to_be_visible()
    await page.fill("#words", "帮助")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.failed .again")).to_be_visible()
    async with chat_open(sqlite_url, demo=True, seats=False, port=port) as house:
        chat = house.write(lambda db: db.scalars(select(Contact.id).where(Contact.account.like("web:%"))).one())
        body = {"body": [["as_is", {"text": "错过的消息"}]], "choices": [], "picture": None, "edit": True}
        house.write(lambda db: chat_history.keep(db, chat, outgoing=True, body=body, now=NOW))
        await expect(page.locator(".bubble", has_text="错过的消息")).to_be_visible(timeout=15_000)
        await expect(page.locator("#offline")).to_be_hidden()
        await page.click(".message.failed .again")
        await expect(page.locator(".message.failed")).to_have_count(0)
        await expect(page.locator(".message.mine .bubble", has_text="帮助")).to_have_count(1)


async def test_a_list_is_tapped_line_by_line_and_a_picture_is_enlarged(browser: Browser, house: ChatHouse):
    page = await opened(browser, house, wide=False)
    await write(page, "选品")
    await write(page, "玻尿酸")
    await page.locator(".latest .entry").first.click()
    picture = page.locator(".latest .picture")
    await expect(picture).to_be_visible()
    await expect(page.locator(".latest .picture.there")).to_be_visible(timeout=15_000)
    await picture.click()
    await expect(page.locator("#viewer img")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()


async def test_the_page_can_be_used_with_the_keyboard_alone(browser: Browser, house: ChatHouse):
    page = await opened(browser, house)
    await page.locator(".latest .choice").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine")).to_have_count(1)
    await page.focus("#words")
    await page.keyboard.type("第一行")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("第二行")
    assert await page.input_value("#words") == "第一行\n第二行"
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine .bubble").last).to_have_text("第一行\n第二行")
    assert await page.locator('[role="log"][aria-live="polite"]').count() == 1


async def test_the_shop_beside_the_chat_belongs_to_whoever_sits_there(browser: Browser, house: ChatHouse):
    page = await opened(browser, house)
    await page.click('.seat[data-seat="m-lin"]')
    await expect(page.locator("#you")).to_contain_text("小林")
    await page.click("#toggle-shop")
    shop = page.frame_locator("#shop")
    await expect(shop.locator("main")).to_contain_text("小林")
    await page.click('.seat[data-seat="m-yun"]')
    await expect(shop.locator("main")).not_to_contain_text("小林")
    await page.click('.seat[data-seat="m-lin"]')
    await expect(shop.locator("main")).to_contain_text("小林")
    await shop.locator("a[href^='/shop/']").first.click()
    await shop.locator("form[action^='/shop/buy'] button.main").click()
    await expect(page.locator(".bubble", has_text="新佣金")).to_be_visible(timeout=15_000)
    await page.click('.seat[data-seat="m-yun"]')
    await expect(shop.locator("form[action$='/ship'] button")).to_be_visible()


async def test_going_back_to_the_chat_leaves_the_shop_open_beside_it(browser: Browser, house: ChatHouse):
    page = await opened(browser, house)
    await page.click('.seat[data-seat="m-lin"]')
    await expect(page.locator("#you")).to_contain_text("小林")
    await page.click("#toggle-shop")
    shop = page.frame_locator("#shop")
    await shop.locator("a[href^='/shop/']").first.click()
    await shop.locator("form[action^='/shop/buy'] button.main").click()
    await shop.locator(".chat a", has_text="看佣金怎么变").click()
    await expect(page.locator(".bubble", has_text="新佣金")).to_be_visible(timeout=15_000)
    await expect(shop.locator("form[action$='/ship'] button")).to_be_visible()
    await page.click("#close-shop")
    await page.reload()
    await expect(page.locator(".bubble", has_text="新佣金")).to_be_visible()
    await expect(page.locator("#beside")).to_be_hidden()


async def test_what_was_not_sent_says_so_above_the_line_and_nothing_is_covered(browser: Browser, house: ChatHouse):
    page = await opened(browser, house, wide=False)
    await page.context.set_offline(True)
    await page.fill("#words", "帮助")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.failed .again")).to_be_visible()
    await page.evaluate("cutOff(true)")
    again = await page.locator(".again").bounding_box()
    line = await page.locator("#offline").bounding_box()
    below = await page.locator("#composer").bounding_box()
    assert again is not None
    assert line is not None
    assert below is not None
    assert again["y"] + again["height"] <= line["y"]
    assert line["y"] + line["height"] <= below["y"]
