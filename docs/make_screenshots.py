"""Take the pictures of this documentation from a demo that runs for the purpose.

    .venv/bin/python -m docs.make_screenshots                 the pictures that the documents show, into docs/pictures
    .venv/bin/python -m docs.make_screenshots --all FOLDER    every screen in both languages, on a phone and a desktop

Needs Chromium and the development dependencies.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, FrameLocator, Page, async_playwright

from bot.app import App
from bot.preparing import prepare
from config.settings import load_settings

ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)
SIZES: Final = {"phone": (390, 844, 1.5), "desktop": (1440, 900, 1)}
SHOWN: Final = {
    *("desktop-zh-beside", "desktop-en-beside", "desktop-zh-shop", "phone-zh-home", "phone-zh-product"),
    *("phone-zh-poster", "phone-zh-earnings", "phone-zh-why", "phone-zh-tasks", "phone-zh-traffic"),
    *("phone-en-team", "phone-en-announce", "phone-en-shop-product", "phone-zh-order", "phone-en-why"),
}
MOMENT: Final = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)

SAID: Final = {
    "zh": {"search": "紫草", "share": "分享", "poster": "海报", "earnings": "佣金", "list": "明细", "team": "团队"}
    | {"tasks": "任务", "chart": "走势", "announce": "发公告", "open": "打开看看"}
    | {"text": "明天上午十点直播讲解冬季护肤，欢迎带朋友来看。", "why": "紫草"},
    "en": {"search": "gromwell", "share": "Share", "poster": "oster", "earnings": "earnings", "list": "etails"}
    | {"team": "team", "tasks": "tasks", "chart": "chart", "announce": "announce", "open": "Open", "why": "Gromwell"}
    | {"text": "Live tomorrow at ten: winter skincare. Bring a friend!"},
}


@dataclass
class Camera:
    """One browser window, and where its pictures go."""

    page: Page
    name: str
    locale: str
    folder: Path
    wanted: set[str] | None

    async def take(self, what: str) -> None:
        name = f"{self.name}-{self.locale}-{what}"
        if self.wanted is None or name in self.wanted:
            await self.page.wait_for_timeout(350)
            await self.page.screenshot(path=self.folder / f"{name}.png", animations="disabled")

    async def sit(self, member_id: str) -> None:
        if self.name == "phone":
            await self.page.click("#open-people")
            await self.page.wait_for_timeout(300)
        await self.page.click(f'.seat[data-seat="{member_id}"]')
        await self.page.wait_for_selector(".latest .choice")
        await self.page.wait_for_timeout(500)

    async def say(self, what: str) -> None:
        await self.page.fill("#words", SAID[self.locale].get(what, what))
        await self.page.keyboard.press("Enter")
        await self._answered()

    async def press(self, what: str) -> None:
        label = SAID[self.locale].get(what, what)
        await self.page.locator(".latest .entry, .latest .choice", has_text=label).first.click()
        await self._answered()

    async def _answered(self) -> None:
        await self.page.wait_for_timeout(150)
        for unfinished in (".waiting", ".typing", ".latest .picture:not(.there)"):
            await self.page.locator(unfinished).first.wait_for(state="detached")
        await self.page.evaluate("document.activeElement.blur()")
        await self.page.mouse.move(0, 0)


async def chat(camera: Camera, base: str) -> None:
    await camera.page.goto(f"{base}/chat")
    await camera.page.wait_for_selector(".latest .choice")
    await camera.take("newcomer")
    await camera.sit("m-lin")
    await camera.take("home")
    for what in ("team", "tasks", "earnings"):
        await camera.say(what)
        await camera.take(what)
    await camera.press("list")
    await camera.press("why")
    await camera.take("why")
    await camera.say("chart")
    await camera.take("traffic")
    await camera.say("search")
    await camera.press("HANAJO" if camera.locale == "en" else "花序")
    await camera.take("product")
    await camera.press("share")
    await camera.take("share")
    if camera.name == "desktop":
        await beside(camera)
    await camera.press("poster")
    await camera.take("poster")
    await camera.sit("m-yun")
    await camera.say("announce")
    await camera.say("text")
    await camera.take("announce")


async def beside(camera: Camera) -> None:
    """Buy beside the chat and watch the commission arrive."""
    await camera.page.locator(".latest .choice", has_text=SAID[camera.locale]["open"]).first.click()
    shop: FrameLocator = camera.page.frame_locator("#shop")
    await shop.locator("form[action^='/shop/buy'] button").first.click()
    await shop.locator("form[action$='/ship'] button").click()
    await shop.locator("form[action$='/customs'] button").click()
    await camera.page.wait_for_timeout(2500)
    await camera.take("beside")
    await camera.page.click("#close-shop")
    await camera.say("search")
    await camera.press("HANAJO" if camera.locale == "en" else "花序")
    await camera.press("share")


async def shop(camera: Camera, base: str) -> None:
    await camera.page.goto(f"{base}/shop?lang={camera.locale}")
    await camera.page.wait_for_timeout(2500)
    await camera.take("shop")
    await camera.page.goto(f"{base}/shop/JP-SERUM-30")
    await camera.page.wait_for_timeout(600)
    await camera.take("shop-product")
    await camera.page.locator("form[action^='/shop/buy'] button").first.click()
    for step in ("ship", "customs"):
        await camera.page.locator(f"form[action$='/{step}'] button").click()
    await camera.page.wait_for_timeout(500)
    await camera.take("order")


def _complain(error: object) -> None:
    sys.stderr.write(f"the page's script failed: {error}\n")


async def film(browser: Browser, base: str, folder: Path, wanted: set[str] | None) -> None:
    for name, (width, height, scale) in SIZES.items():
        for locale, spoken in (("zh", "zh-CN"), ("en", "en-GB")):
            for part in (shop, chat):
                context = await browser.new_context(
                    viewport={"width": width, "height": height},
                    device_scale_factor=scale,
                    locale=spoken,
                    timezone_id="Asia/Shanghai",
                    color_scheme="dark" if (name, locale) == ("phone", "en") and part is chat else "light",
                )
                await context.clock.set_fixed_time(MOMENT + timedelta(minutes=2))
                page = await context.new_page()
                page.on("pageerror", _complain)
                await part(Camera(page, name, locale, folder, wanted), base)
                await context.close()


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """The whole program with a fresh demo, at a chosen moment; yields where it answers."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()

        def clock() -> datetime:
            return MOMENT + timedelta(seconds=time.monotonic() - began)

        settings = load_settings(
            {"FENXIAO_DATABASE_URL": f"sqlite:///{folder}/demo.db", "FENXIAO_DEMO": "on", "FENXIAO_PORT": str(port)}
        )
        app = App(settings, prepare(settings, clock), clock=clock)
        await app.start()
        try:
            yield settings.public_url
        finally:
            await app.stop()


def _free_port() -> int:
    """The usual port, since the pictures show addresses; another one where that is taken."""
    for wanted in (8080, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("there is no free port")


def _shrink(folder: Path) -> Iterator[str]:
    """Make the files smaller without losing anything."""
    from PIL import Image

    for path in sorted(folder.glob("*.png")):
        Image.open(path).convert("RGB").save(path, optimize=True)
        yield f"{path.name}: {path.stat().st_size // 1024} KB"


async def main(folder: Path, wanted: set[str] | None) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with demo() as base, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        await film(browser, base, folder, wanted)
        await browser.close()
    for line in _shrink(folder):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    everything = "--all" in sys.argv
    target = Path(sys.argv[-1]) if everything else Path(__file__).parent / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, None if everything else SHOWN))
