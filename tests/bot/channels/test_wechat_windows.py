"""Hundreds of notices to people whose windows open and close: none beyond a window's count, none lost, none doubled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from bot.delivery import Delivery
from bot.locks import Alone
from domain.messages import outbox
from domain.messages.outbox import Notice
from domain.schema import Outbox
from tests.bot.channels.wechat_scene import Scene, scene
from tests.fakes.wechat_person import Person
from tests.handlers.house import House

SEND = "message/custom/send"


@asynccontextmanager
async def delivering(at: Scene) -> AsyncIterator[Delivery]:
    """The outbox at work with this one channel, faster than WeChat is paced."""
    at.channel.rate = 2_000.0
    office = at.office
    delivery = Delivery(office.database, office.texts, {"wechat": at.channel}, Alone(), office.clock, locale="zh")
    await delivery.start()
    try:
        yield delivery
    finally:
        await delivery.stop()


def tell(at: Scene, member: int, *numbers: int) -> None:
    """One notice about each of these orders."""
    with at.office.database.transaction() as db:
        notices = [Notice(f"n{n}", member, "notice.order_delivered", {"order_id": f"A-{n:05}"}) for n in numbers]
        outbox.put_all(db, notices, now=at.office.clock())


def fates(at: Scene) -> dict[str, tuple[str, str | None]]:
    with at.office.database.transaction() as db:
        rows = db.execute(select(Outbox.params, Outbox.state, Outbox.route).where(Outbox.key.like("n%")))
        return {params["order_id"]: (state, route) for params, state, route in rows}


async def settled(at: Scene) -> None:
    """Wait until nothing is on its way; while all that is left waits for another try, the clock goes on."""
    for _ in range(1_000):
        under_way = {state for state, _ in fates(at).values()} & {"queued", "sending"}
        if not under_way:
            return
        if under_way == {"queued"}:
            at.office.house.now += timedelta(seconds=2)
        await asyncio.sleep(0.05)
    raise AssertionError(Counter(fates(at).values()))


def members_of(at: Scene, people: list[Person]) -> list[int]:
    return [at.office.house.member(person.openid) for person in people]


async def everything_read(person: Person) -> None:
    """Come back and read the digest to its end, by the numbers that are offered."""
    shown = await person.says("0")
    for _ in range(30):
        offered = [number for number, label in shown.choices.items() if label.startswith("📬")]
        if not offered:
            return
        shown = await person.says(offered[0])
        assert len(shown.text.encode()) <= 2048
    raise AssertionError(f"the digest has no end\n{person}")


def heard(person: Person, order: str) -> int:
    return sum(order in seen.text for seen in person.heard)


async def test_windows_open_and_close_and_every_notice_arrives_once_or_is_shown_at_the_next_contact(one_house: House):
    await windows_open_and_close(one_house, 25)


@pytest.mark.long
async def test_the_same_with_more_people_on_both_databases(house: House):
    await windows_open_and_close(house, 150)


async def windows_open_and_close(house: House, count: int) -> None:
    dice = random.Random(7)
    async with scene(house) as at, delivering(at) as delivery:
        with house.database.transaction() as db:
            db.execute(delete(Outbox))
        people = at.followers(count)
        members = members_of(at, people)
        of: dict[str, Person] = {}
        numbers = iter(range(10_000))
        at.fake.fault(SEND, "accepted_then_no_answer", times=4)
        at.fake.fault(SEND, "errcode", code=-1, share=0.04)
        for wave in range(4):
            for person, member in zip(people, members, strict=True):
                mine = [next(numbers) for _ in range(dice.randint(0, 5))]
                of |= {f"A-{n:05}": person for n in mine}
                tell(at, member, *mine)
            delivery.wake()
            await settled(at)
            house.now += timedelta(seconds=61) if wave % 2 else timedelta(hours=dice.choice([1, 30, 49]))
            for person in dice.sample(people, 6):
                await dice.choice([lambda one: one.says("佣金"), lambda one: one.clicks_menu("home")])(person)
        at.fake.behave()
        before = fates(at)
        assert len(before) == len(of) > 8 * count
        states = Counter(state for state, _ in before.values())
        assert set(states) == {"sent", "deferred", "unknown"}, states
        # The judge is what WeChat took over and what it refused.
        assert at.fake.customer_tries == len([one for one in at.fake.accepted if one["via"] == "customer"])
        for order, person in of.items():
            state, route = before[order]
            assert route == ("customer" if state != "deferred" else None), (order, state, route)
            assert heard(person, order) <= 1, (order, state)
            assert heard(person, order) == {"sent": 1, "deferred": 0}.get(state, heard(person, order)), (order, state)
        for person in people:
            await everything_read(person)
        after = fates(at)
        assert all(heard(person, order) == 1 for order, person in of.items() if before[order][0] != "unknown")
        assert Counter(after.values()) == Counter(
            {
                ("sent", "customer"): states["sent"],
                ("sent", "digest"): states["deferred"],
                ("unknown", "customer"): states["unknown"],
            }
        )


async def test_a_book_that_is_wrong_costs_one_call_and_no_notice(one_house: House):
    """The bot was down while people wrote to it, or WeChat counts otherwise: its answer is believed."""
    async with scene(one_house) as at, delivering(at) as delivery:
        [person] = at.followers(1)
        [member] = members_of(at, [person])
        person.windows["message"].left = 2
        tell(at, member, *range(5))
        delivery.wake()
        await settled(at)
        assert Counter(fates(at).values()) == {("sent", "customer"): 2, ("deferred", None): 3}
        assert at.fake.customer_tries == 3
        await everything_read(person)
        assert [heard(person, f"A-{n:05}") for n in range(5)] == [1] * 5
