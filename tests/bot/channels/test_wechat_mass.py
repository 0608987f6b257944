"""Mass messages on WeChat: only if an operator orders them, only to whom nothing else reached, four a month at most."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.channels import wechat_mass
from domain.messages import announcements, mass, outbox
from domain.schema import Allowance, AuditRow, Mute, Outbox
from tests.bot.channels.wechat_scene import Scene, scene, seller
from tests.fakes.wechat_person import Person
from tests.handlers.house import House, Talk

SEND = "message/mass/send"
THEY = ("mei", "lin", "jun", "tao")


async def audience(at: Scene, *members: str, locale: str = "zh") -> list[Person]:
    """These members follow the account, but their windows are shut."""
    people = [await seller(at, f"o-{one}", one, locale) for one in members]
    at.office.house.now += timedelta(hours=49)
    return people


def announced(at: Scene, text: str = "周年庆今晚八点") -> int:
    """An announcement that could be pushed to nobody on WeChat; returns its id."""
    now = at.office.clock()
    with at.office.database.transaction() as db:
        made = announcements.schedule(db, text, "all", now, by="cli", now=now)
        announcements.enqueue_chunk(db, made, now=now)
        db.execute(update(Outbox).where(Outbox.announcement_id == made).values(state="deferred"))
    return made


def ordered(at: Scene, announcement: int) -> int:
    quota = mass.quota(at.office.settings.wechat.kind, at.office.shop.timezone, now=at.office.clock())
    with at.office.database.transaction() as db:
        return mass.order(db, announcement, quota, by="member:ops", now=at.office.clock())


def states(at: Scene, announcement: int) -> Counter[tuple[str, str | None]]:
    with at.office.database.transaction() as db:
        rows = db.execute(select(Outbox.state, Outbox.route).where(Outbox.announcement_id == announcement))
        return Counter((state, route and route.split(":")[0]) for state, route in rows)


def sendings(at: Scene, announcement: int) -> list[mass.Sending]:
    with at.office.database.transaction() as db:
        return mass.of_announcement(db, announcement)


async def test_an_operator_orders_it_in_chat_and_everybody_left_gets_it_once(house: House):
    async with scene(house) as at:
        people = await audience(at, *THEY)
        announced(at)
        ops = house.talk("ops")
        ops.taps("desk")
        ops.presses("微信群发")
        assert "还有 4 人没收到" in ops.last.text
        ops.says("1")
        assert "4 条里的 1 条" in ops.last.text
        assert "排队中" in ops.presses("群发给这 4 人").text
        assert "排队中" in ops.taps(f"mass_send:{3}").text, "pressed twice"
        await at.channel.mass.round()
        assert [seen.text for one in people for seen in one.heard if seen.via == "mass"] == ["📢 周年庆今晚八点"] * 4
        assert "微信已收下，发给 4 人" in ops.presses("刷新").text
        assert states(at, 3)["sent", "mass"] == 4
        [msg_id] = at.fake.mass_sent
        await at.fake.reports_mass(msg_id)
        assert "4 人里送到 4 人" in ops.presses("刷新").text
        with at.office.database.transaction() as db:
            rows = db.scalars(select(AuditRow.after).where(AuditRow.action == "announcement.mass")).all()
        assert rows == [{"recipients": {"zh": 4}}]
        assert "都收到了" in ops.taps("mass").text


async def test_what_was_ordered_goes_out_by_itself(one_house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wechat_mass, "LOOK_SECONDS", 0.05)
    async with scene(one_house) as at:
        people = await audience(at, "mei", "lin")
        ordered(at, announced(at))
        assert (await people[1].hears("周年庆")).via == "mass"


async def test_it_reads_well_in_english_too(one_house: House):
    async with scene(one_house) as at:
        await audience(at, *THEY)
        made = announced(at)
        ops: Talk = one_house.talk("ops", locale="en")
        assert "4 not reached" in ops.taps("mass").text
        ops.says("1")
        assert "On WeChat 4 did not get it" in ops.last.text
        assert "About to be sent" in ops.presses("Send to these 4").text
        await at.channel.mass.round()
        assert "WeChat has taken it for 4" in ops.taps(f"mass_of:{made}").text


async def test_nobody_but_operators_may_and_only_where_the_account_can(one_house: House):
    async with scene(one_house) as at:
        await audience(at, *THEY)
        made = announced(at)
        lin = one_house.talk("lin")
        assert "不对你开放" in lin.taps(f"mass_send:{made}").text
        assert sendings(at, made) == []
        assert "没找到" in one_house.talk("ops").taps("mass_of:999").text


async def test_languages_get_their_own_message_and_who_muted_gets_none(house: House):
    async with scene(house) as at:
        chinese = await audience(at, "mei", "lin")
        english = await audience(at, "jun", "tao", "an", locale="en")
        with at.office.database.transaction() as db:
            db.execute(Mute.__table__.insert(), [{"member_id": house.member("an"), "category": "promotion"}])  # type: ignore[attr-defined]
        assert ordered(at, announced(at)) == 4
        await at.channel.mass.round()
        assert [one.texts[-1] for one in chinese] == ["📢 周年庆今晚八点"] * 2
        assert len(at.fake.mass_sent) == 2
        assert [[seen.via for seen in one.heard].count("mass") for one in english] == [1, 1, 0]


async def test_four_a_month_are_the_end_of_it_and_the_next_month_begins_anew(one_house: House):
    async with scene(one_house) as at:
        people = await audience(at, *THEY)
        for n in range(4):
            assert ordered(at, announced(at, f"第{n}条")) == 4
            await at.channel.mass.round()
        fifth = announced(at, "第五条")
        with pytest.raises(mass.NobodyLeft):
            ordered(at, fifth)
        assert states(at, fifth)["deferred", None] >= 4
        one_house.now += timedelta(days=10)
        assert ordered(at, fifth) == 4
        await at.channel.mass.round()
        assert all([seen.via for seen in one.heard].count("mass") == 5 for one in people)


@pytest.mark.parametrize("fault", ["accepted_then_no_answer", "hang", "html"])
async def test_whatever_the_wire_does_it_is_sent_again_under_its_key_and_arrives_once(
    one_house: House, fault: str, monkeypatch: pytest.MonkeyPatch
):
    async with scene(one_house) as at:
        people = await audience(at, *THEY)
        made = announced(at)
        ordered(at, made)
        monkeypatch.setattr(at.channel._client, "_timeouts", type(at.channel._client._timeouts)(0.3, 0.3, 0.3))
        at.fake.fault(SEND, fault, times=1)
        assert await at.channel.mass.round() == 60
        assert states(at, made)["sending", "mass"] == 4
        with at.office.database.transaction() as db:  # the process vanishes, and comes back as SQLite's start does
            outbox.recover(db, before=at.office.clock() + timedelta(days=2), now=at.office.clock())
        assert states(at, made)["unknown", "mass"] == 4
        assert await at.channel.mass.round() is None
        assert states(at, made)["sent", "mass"] == 4
        assert [[seen.via for seen in one.heard].count("mass") for one in people] == [1] * 4


async def test_after_a_day_nobody_knows_and_it_is_not_sent_again(one_house: House):
    async with scene(one_house) as at:
        people = await audience(at, *THEY)
        made = announced(at)
        ordered(at, made)
        at.fake.fault(SEND, "accepted_then_no_answer")
        await at.channel.mass.round()
        one_house.now += timedelta(hours=25)
        at.fake.behave()
        assert await at.channel.mass.round() is None
        assert [one.state for one in sendings(at, made)] == ["unknown"]
        with at.office.database.transaction() as db:
            outbox.recover(db, before=at.office.clock(), now=at.office.clock())
        assert states(at, made)["unknown", "mass"] == 4
        assert [[seen.via for seen in one.heard].count("mass") for one in people] == [1] * 4


@pytest.mark.parametrize(("code", "left"), [(45028, 0), (48001, 4), (45002, 4)])
async def test_what_wechat_refuses_is_kept_for_the_next_contact(one_house: House, code: int, left: int):
    async with scene(one_house) as at:
        await audience(at, *THEY)
        made = announced(at)
        ordered(at, made)
        at.fake.fault(SEND, "errcode", code=code)
        await at.channel.mass.round()
        assert states(at, made)["deferred", None] >= 4
        [one] = sendings(at, made)
        assert one.state == "failed"
        assert (one.error or "").startswith(str(code))
        with at.office.database.transaction() as db:
            assert set(db.scalars(select(Allowance.left).where(Allowance.kind.like("mass:%")))) == {left}
        assert at.alerts() == ({"wechat_capability:mass"} if code == 48001 else set())


async def test_a_mass_message_that_wechat_rejected_afterwards_is_kept_after_all(one_house: House):
    async with scene(one_house) as at:
        await audience(at, *THEY)
        made = announced(at)
        ordered(at, made)
        await at.channel.mass.round()
        [msg_id] = at.fake.mass_sent
        await at.fake.reports_mass(msg_id, "err(20008)")
        assert states(at, made)["deferred", None] >= 4
        [one] = sendings(at, made)
        assert (one.state, one.error) == ("failed", "WeChat did not deliver it: err(20008)")


async def test_a_busy_or_exhausted_account_waits_and_loses_nothing(one_house: House):
    async with scene(one_house) as at:
        await audience(at, *THEY)
        made = announced(at)
        ordered(at, made)
        at.fake.fault(SEND, "errcode", code=45009, times=1)
        assert await at.channel.mass.round() == 3600
        assert await at.channel.mass.round() is None
        assert states(at, made)["sent", "mass"] == 4


async def test_large_audiences_go_in_portions_and_one_person_alone_keeps_it_for_later(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mass.next_batch, "__kwdefaults__", {**(mass.next_batch.__kwdefaults__ or {}), "most": 2})
    async with scene(house) as at:
        people = await audience(at, *THEY, "an")
        made = announced(at)
        ordered(at, made)
        await at.channel.mass.round()
        assert [len(sent["touser"]) for path, sent in at.fake.calls if path == SEND] == [2, 2]
        assert sorted([seen.via for seen in one.heard].count("mass") for one in people) == [0, 1, 1, 1, 1]
        assert states(at, made)["sent", "mass"] == 4


async def test_a_subscription_account_sends_one_a_day(one_house: House):
    async with scene(one_house, settings={"FENXIAO_WECHAT__KIND": "subscription"}) as at:
        await audience(at, *THEY)
        ordered(at, announced(at, "今天"))
        await at.channel.mass.round()
        second = announced(at, "今天第二条")
        with pytest.raises(mass.NobodyLeft):
            ordered(at, second)
        one_house.now += timedelta(days=1)
        assert ordered(at, second) == 4
