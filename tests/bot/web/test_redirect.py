"""A link is followed: the visitor arrives at the shop with the code, and the visit is in the books."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from bot.database import Database, DatabaseUnavailable
from bot.web import redirect
from domain.mall import links
from domain.people import members
from domain.schema import DaySalt, Visit
from tests.bot.web.house import House, breaking, furnish, running, until

SHOP = "https://shop.example.com/p/{sku}?ref={code}"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15"


def make_link(house: House, kind: str = "product", target: str = "JP-SERUM-30") -> str:
    def make(db: Any) -> str:
        anna = members.by_member_id(db, "anna")
        assert anna is not None
        return links.make(db, anna.id, kind, target, now=house.now).code

    return str(house.write(make))


async def follow(house: House, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    headers = {"User-Agent": PHONE} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with house.client.request(method, house.base + path, headers=headers, allow_redirects=False) as answer:
        return answer.status, answer.headers["Location"]


def visits(house: House) -> int:
    return int(house.write(lambda db: db.scalar(select(func.count()).select_from(Visit))))


async def test_a_link_leads_to_the_product_and_the_visit_is_written_before_the_answer(database_url: str):
    async with running(database_url, SHOP_URL=SHOP) as house:
        house.write(furnish)
        code = make_link(house)
        assert await follow(house, f"/r/{code}") == (302, f"https://shop.example.com/p/JP-SERUM-30?ref={code}")
        assert visits(house) == 1
        [row] = house.write(lambda db: db.execute(select(Visit.__table__)).all())
        assert "127.0.0.1" not in str(tuple(row))
        assert not row.bot


async def test_a_look_at_ones_own_link_is_no_visit(sqlite_url: str):
    async with running(sqlite_url, SHOP_URL=SHOP) as house:
        house.write(furnish)
        code = make_link(house)
        assert await follow(house, f"/r/{code}?look") == (302, f"https://shop.example.com/p/JP-SERUM-30?ref={code}")
        assert visits(house) == 0


async def test_other_links_lead_to_the_front_page_with_the_code(sqlite_url: str):
    async with running(sqlite_url, SHOP_URL=SHOP) as house:
        house.write(furnish)
        for kind, target in (("shop", ""), ("invite", ""), ("brand", "HADA")):
            code = make_link(house, kind, target)
            assert await follow(house, f"/r/{code}") == (302, f"https://shop.example.com?ref={code}")
        assert visits(house) == 3


async def test_without_a_shop_of_their_own_links_lead_to_the_built_in_pages(house: House):
    code = make_link(house)
    assert await follow(house, f"/r/{code}") == (302, f"http://localhost:8080/shop/JP-SERUM-30?code={code}")
    assert await follow(house, "/r/unknown22") == (302, "http://localhost:8080/shop?code=unknown22")


@pytest.mark.parametrize(
    "path",
    [
        "/r//evil.com",
        "/r/%2F%2Fevil.com",
        "/r/\\evil",
        "/r/%5Cevil",
        "/r/x%0d%0aLocation:%20https://evil.com",
        "/r/user@evil.com",
        "/r/https:%2F%2Fevil.com",
        "/r/" + "a" * 3000,
        "/r/%F0%9F%98%80",
        "/r/",
        "/r",
    ],
)
async def test_b8_nothing_in_a_code_leads_anywhere_but_to_the_shop(sqlite_url: str, path: str):
    async with running(sqlite_url, SHOP_URL=SHOP) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 302 "), answer
        [location] = [line for line in answer.splitlines() if line.lower().startswith("location:")]
        assert location == "Location: https://shop.example.com"
        assert "evil" not in answer


@pytest.mark.parametrize(
    ("asked", "connection"),
    [
        (b"GET /r/{code} HTTP/1.1\r\nHost: x\r\n\r\n", b"keep-alive"),
        (b"HEAD /r/{code} HTTP/1.1\r\nHost: x\r\n\r\n", b"keep-alive"),
        (b"GET /r/{code} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"close"),
        (b"GET /r/{code} HTTP/1.0\r\n\r\n", b"close"),
        (b"GET /r/{code} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"keep-alive"),
    ],
)
async def test_the_connection_stays_open_or_ends_as_the_browser_asks(house: House, asked: bytes, connection: bytes):
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    asked = asked.replace(b"{code}", make_link(house).encode())
    for _ in range(3 if connection == b"keep-alive" else 1):
        writer.write(asked)
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        assert head[0] == b"HTTP/1.1 302 Found"
        assert b"Connection: " + connection in head
        assert b"Cache-Control: no-store" in head
        assert sum(line.startswith(b"Date: ") for line in head) == 1
    if connection == b"close":
        assert await reader.read() == b""
    writer.close()


async def test_bots_are_marked_and_looking_ahead_does_not_count(house: House):
    code = make_link(house)
    await follow(house, f"/r/{code}", "HEAD")
    await follow(house, f"/r/{code}", Sec_Purpose="prefetch;prerender")
    await follow(house, f"/r/{code}", X_Moz="prefetch")
    assert visits(house) == 0
    await follow(house, f"/r/{code}", User_Agent="Mozilla/5.0 (compatible; Googlebot/2.1)")
    await follow(house, f"/r/{code}", User_Agent="\xff\xfe broken")
    await follow(house, f"/r/{code}")
    bots = house.write(lambda db: sorted(db.scalars(select(Visit.bot))))
    assert bots == [False, False, True]


async def test_b9_a_forged_address_is_not_believed(sqlite_url: str):
    async with running(sqlite_url) as house:
        house.write(furnish)
        code = make_link(house)
        for number in range(5):
            await follow(house, f"/r/{code}", X_Forwarded_For=f"203.0.113.{number}")
        _, traffic = await house.get("/members/anna/traffic?from=2026-11-23&to=2026-11-23")
        assert [(day["visits"], day["visitors"], day["ips"]) for day in traffic["days"]] == [(5, 1, 1)]


async def test_b9_a_trusted_proxy_is_believed(sqlite_url: str):
    async with running(sqlite_url, TRUSTED_PROXIES="127.0.0.1") as house:
        house.write(furnish)
        code = make_link(house)
        for number in range(5):
            await follow(house, f"/r/{code}", X_Forwarded_For=f"198.51.100.7, 203.0.113.{number}")
        _, traffic = await house.get("/members/anna/traffic?from=2026-11-23&to=2026-11-23")
        assert [(day["visitors"], day["ips"]) for day in traffic["days"]] == [(5, 5)]


async def test_b9_a_flood_of_one_visitor_is_one_visitor(any_house: House):
    house = any_house
    code = make_link(house)
    for _ in range(10):
        await asyncio.gather(*(follow(house, f"/r/{code}") for _ in range(100)))
    _, traffic = await house.get("/members/anna/traffic?from=2026-11-23&to=2026-11-23")
    assert [(day["visits"], day["visitors"], day["ips"]) for day in traffic["days"]] == [(1000, 1, 1)]


async def test_a_new_day_has_a_salt_of_its_own(house: House):
    code = make_link(house)
    await follow(house, f"/r/{code}")
    house.now += timedelta(days=1)
    await follow(house, f"/r/{code}")
    rows = house.write(lambda db: db.execute(select(Visit.visitor, Visit.ip)).all())
    assert len({row.visitor for row in rows}) == len({row.ip for row in rows}) == 2
    assert house.write(lambda db: db.scalar(select(func.count()).select_from(DaySalt))) == 2


async def test_b12_people_are_sent_on_while_the_database_is_gone_and_their_visits_are_not_lost(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redirect, "RETRY_SECONDS", 0.1)
    async with running(database_url, SHOP_URL=SHOP) as house:
        house.write(furnish)
        code = make_link(house)
        there = (302, f"https://shop.example.com/p/JP-SERUM-30?ref={code}")
        assert await follow(house, f"/r/{code}") == there
        repair = breaking(house.database, DatabaseUnavailable("connection refused"))
        assert {await follow(house, f"/r/{code}") for _ in range(5)} == {there}
        assert await follow(house, "/r/never2seen") == (302, "https://shop.example.com?ref=never2seen")
        repair()
        await until(lambda: visits(house) == 6)


async def test_b12_nobody_waits_for_a_database_that_hangs(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redirect, "PATIENCE_SECONDS", 0.2)
    code = make_link(house)
    await follow(house, f"/r/{code}")
    with house.database.transaction() as db:  # somebody else is writing, and takes their time
        db.connection()
        started = asyncio.get_running_loop().time()
        assert (await follow(house, f"/r/{code}"))[0] == 302
        assert asyncio.get_running_loop().time() - started < 1.0
    await until(lambda: visits(house) == 2)


async def test_a_stop_while_kept_visits_are_being_written_counts_each_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redirect, "RETRY_SECONDS", 0.01)
    writing, go_on = threading.Event(), threading.Event()
    record = redirect.Redirect._record

    def slowly(self: redirect.Redirect, db: Any, group: Any) -> Any:
        if len(group) == 5:
            writing.set()
            go_on.wait(10)
        return record(self, db, group)

    async with running(database_url, SHOP_URL=SHOP) as house:
        house.write(furnish)
        code = make_link(house)
        await follow(house, f"/r/{code}")
        repair = breaking(house.database, DatabaseUnavailable("connection refused"))
        monkeypatch.setattr(redirect.Redirect, "_record", slowly)
        for _ in range(5):
            await follow(house, f"/r/{code}")
        repair()
        assert await asyncio.to_thread(writing.wait, 10)
        asyncio.get_running_loop().call_later(0.3, go_on.set)  # by then the stop has begun
    database = Database(database_url)
    assert database.read_now(lambda db: db.scalar(select(func.count()).select_from(Visit))) == 6
    database.close()


async def test_visits_that_come_together_are_committed_together(house: House):
    code = make_link(house)
    await follow(house, f"/r/{code}")
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(house.database.writing, "commit", count)
    await asyncio.gather(*(follow(house, f"/r/{code}") for _ in range(100)))
    assert visits(house) == 101
    assert commits < 60
