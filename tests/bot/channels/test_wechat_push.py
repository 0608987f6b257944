"""Notices on WeChat: counted before they are sent, by the best way that is open, and never beyond what is allowed."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import wechat_routes
from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, Sent, Stop, Unknown
from bot.channels.wechat_routes import capabilities, routes
from config.groups import WechatTemplate
from domain.money import Money
from tests.bot.channels.wechat_scene import Scene, scene, seller
from tests.fakes.wechat_person import Person
from tests.handlers.house import House

SEND = "message/custom/send"
AMOUNT = Money(3870, "CNY")
TEMPLATES = {"commission_payable": {"template_id": "T1", "fields": {"amount3": "amount"}}}
SUBSCRIPTIONS = {"commission_payable": {"template_id": "S1", "fields": {"amount1": "amount"}}}
BOTH = {
    "FENXIAO_WECHAT__TEMPLATES": json.dumps(TEMPLATES),
    "FENXIAO_WECHAT__SUBSCRIPTIONS": json.dumps(SUBSCRIPTIONS),
}


async def all_sent(at: Scene, person: Person, count: int, since: int = 0) -> list[Outcome]:
    return [await at.sends(person, f"n{n}") for n in range(since, since + count)]


def tried(at: Scene, path: str = SEND) -> int:
    return len([called for called, _ in at.fake.calls if called == path])


async def test_a_message_opens_five_for_two_days_and_each_new_one_begins_anew(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        house.now += timedelta(minutes=2)  # the tap of the follow is over
        outcomes = await all_sent(at, lin, 6)
        assert outcomes[:5] == [Sent(None)] * 5
        assert isinstance(outcomes[5], Closed)
        assert tried(at) == 5, "the sixth is not even tried"
        await lin.says("佣金")
        assert await all_sent(at, lin, 3, since=10) == [Sent(None)] * 3
        house.now += timedelta(hours=48)
        assert isinstance(await at.sends(lin, "late"), Closed)
        assert tried(at) == 8


async def test_a_tap_opens_three_for_a_minute_whether_on_the_menu_a_link_or_a_code(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        house.now += timedelta(hours=49)
        for tap in (lambda: lin.clicks_menu("home"), lambda: lin.scans("k3J9xQ"), lambda: taps_a_link(at, lin)):
            house.now += timedelta(minutes=5)
            assert at.left(lin) == []
            await tap()
            assert at.left(lin) == ["tap"]
            outcomes = await all_sent(at, lin, 4)
            assert outcomes[:3] == [Sent(None)] * 3
            assert isinstance(outcomes[3], Closed)
        await lin.clicks_menu("home")
        house.now += timedelta(minutes=1)
        assert isinstance(await at.sends(lin, "late"), Closed)
        assert tried(at) == 9


async def taps_a_link(at: Scene, person: Person) -> None:
    person.receives("reply", "text", '<a href="weixin://bizmsgmenu?msgmenucontent=首页&msgmenuid=home">首页</a>')
    await person.taps_link("首页")


async def test_what_closes_first_is_used_first(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        assert at.left(lin) == ["tap", "message"]
        assert len([one for one in await all_sent(at, lin, 9) if one == Sent(None)]) == 8
        assert tried(at) == 8


async def test_who_leaves_takes_every_window_along_and_views_open_none(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        await lin.unfollows()
        assert at.left(lin) == []
        one_house.now += timedelta(seconds=1)
        await lin.follows()
        assert at.left(lin) == ["tap"]
        one_house.now += timedelta(minutes=2)
        at.fake.menu = [{"name": "商城", "type": "view", "url": "https://shop.example"}]
        await lin.taps_menu("商城")
        assert at.left(lin) == []


async def test_a_repeated_update_opens_nothing_again(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        one_house.now += timedelta(minutes=2)
        await all_sent(at, lin, 4)
        at.channel._answers.clear()  # as after a restart
        await lin.repeats()
        outcomes = await all_sent(at, lin, 2, since=4)
        assert [type(one) for one in outcomes] == [Sent, Closed]
        assert tried(at) == 5


REFUSALS: list[tuple[int, type[Outcome], list[str]]] = [
    (-1, Retry, ["message"]),
    (40001, Retry, ["message"]),
    (45009, Retry, ["message"]),
    (45011, Retry, ["message"]),
    (45015, Closed, []),
    (45047, Closed, []),
    (40003, Dead, ["message"]),
    (48002, Dead, ["message"]),
    (48004, Stop, ["message"]),
    (99999, Refused, ["message"]),
    (48001, Closed, ["message"]),
]


async def test_what_surely_was_not_sent_is_given_back_and_what_wechat_counts_otherwise_is_believed(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        one_house.now += timedelta(minutes=2)
        for code, expected, left in REFUSALS:
            at.fake.behave()
            await lin.says("0")
            assert await all_sent(at, lin, 4) == [Sent(None)] * 4
            at.fake.fault(SEND, "errcode", code=code)
            assert isinstance(await at.sends(lin, "refused"), expected), code
            assert at.left(lin) == left, code


async def test_an_unknown_fate_stays_spent(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        one_house.now += timedelta(minutes=2)
        await all_sent(at, lin, 4)
        at.fake.fault(SEND, "accepted_then_no_answer", times=1)
        outcome = await at.sends(lin, "doubt")
        assert isinstance(outcome, Unknown)
        assert outcome.repeat_within_seconds == 0
        assert at.left(lin) == []


async def test_many_sends_at_once_never_take_more_than_there_is(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        house.now += timedelta(minutes=2)
        outcomes = await asyncio.gather(*(at.sends(lin, f"n{n}") for n in range(20)))
        assert [type(one) for one in outcomes].count(Sent) == 5
        assert tried(at) == 5


async def test_fifty_sends_at_a_token_rotation_cost_one_fetch_through_the_channel_too(one_house: House):
    async with scene(one_house) as at:
        people = at.followers(50)
        await at.sends(people[0], "first")
        at.fake.rotate_token()
        before = at.fake.token_fetches
        outcomes = await asyncio.gather(*(at.sends(person, "rotated") for person in people))
        assert outcomes == [Sent(None)] * 50
        assert at.fake.token_fetches == before + 1


async def test_with_the_window_shut_a_consent_goes_first_then_the_template_and_nothing_for_announcements(house: House):
    async with scene(house, settings=BOTH) as at:
        at.fake.templates |= {"T1": ["amount3"], "S1": ["amount1"]}
        lin = await seller(at)
        house.now += timedelta(hours=49)
        assert (await lin.agrees("S1")).kind == "nothing"
        await lin.repeats()
        assert at.left(lin) == ["subscription:S1"]
        assert await at.sends(lin, "one", amount=AMOUNT) == Sent(None)
        assert (await lin.hears("¥38.70")).via == "subscription"
        assert isinstance(await at.sends(lin, "two", amount=AMOUNT), Sent)
        assert (await lin.hears("amount3: ¥38.70")).via == "template"
        assert isinstance(await at.sends(lin, "three", kind="announcement", text="周年庆"), Closed)
        assert tried(at) == 0


async def test_each_consent_is_one_notice_and_a_refusal_takes_them_back(one_house: House):
    async with scene(one_house, settings=BOTH | {"FENXIAO_WECHAT__TEMPLATES": "{}"}) as at:
        at.fake.templates["S1"] = ["amount1"]
        lin = await seller(at)
        one_house.now += timedelta(hours=49)
        await lin.agrees("S1")
        one_house.now += timedelta(seconds=1)
        await lin.agrees("S1", "S2")
        outcomes = [await at.sends(lin, f"n{n}", amount=AMOUNT) for n in range(3)]
        assert [type(one) for one in outcomes] == [Sent, Sent, Closed]
        await lin.agrees("S1")
        one_house.now += timedelta(seconds=1)
        await lin.agrees("S1", to=False)
        assert isinstance(await at.sends(lin, "no", amount=AMOUNT), Closed)
        assert tried(at, "message/subscribe/bizsend") == 2


async def test_a_consent_that_wechat_does_not_know_is_no_reason_to_give_up_the_person(one_house: House):
    async with scene(one_house, settings=BOTH) as at:
        at.fake.templates |= {"T1": ["amount3"], "S1": ["amount1"]}
        lin = await seller(at)
        one_house.now += timedelta(hours=49)
        await lin.agrees("S1")
        lin.consents.clear()  # taken back in WeChat's own settings, without telling us
        assert isinstance(await at.sends(lin, "one", amount=AMOUNT), Sent)
        assert (await lin.hears("¥38.70")).via == "template"


async def test_a_template_whose_answer_was_lost_is_repeated_by_no_other_way(one_house: House):
    async with scene(one_house, settings=BOTH) as at:
        at.fake.templates["T1"] = ["amount3"]
        lin = await seller(at)
        kept(at, lin, "doubt")
        one_house.now += timedelta(hours=49)
        at.fake.fault("message/template/send", "accepted_then_no_answer", times=1)
        outcome = await at.sends(lin, "doubt", amount=AMOUNT)
        assert isinstance(outcome, Unknown)
        assert outcome.repeat_within_seconds
        await lin.says("0")  # now a window is open
        assert isinstance(await at.sends(lin, "doubt", amount=AMOUNT), Sent)
        assert [seen.via for seen in lin.heard if "¥38.70" in seen.text] == ["template"]
        assert len(at.fake.repetitions) == 1


async def test_a_template_that_may_have_arrived_and_is_refused_the_second_time_stays_unknown(one_house: House):
    async with scene(one_house, settings=BOTH) as at:
        at.fake.templates["T1"] = ["amount3"]
        lin = await seller(at)
        kept(at, lin, "doubt")
        one_house.now += timedelta(hours=49)
        at.fake.fault("message/template/send", "accepted_then_no_answer", times=1)
        at.fake.fault("message/template/send", "errcode", code=-1, times=1)
        at.fake.fault("message/template/send", "errcode", code=40037, times=1)
        outcomes = [await at.sends(lin, "doubt", amount=AMOUNT) for _ in range(4)]
        assert [type(one) for one in outcomes] == [Unknown, Retry, Unknown, Unknown]
        assert [seen.via for seen in lin.heard if "¥38.70" in seen.text] == ["template"]


def kept(at: Scene, person: Person, key: str) -> None:
    """The outbox has a message with this key."""
    from domain.messages import outbox
    from domain.messages.outbox import Notice

    with at.office.database.transaction() as db:
        notice = Notice(key, at.office.house.member("lin"), "notice.commission_payable", {"amount": AMOUNT})
        outbox.put_all(db, [notice], now=at.office.clock())


async def test_a_capability_that_wechat_denies_is_left_alone_and_the_operators_know(house: House):
    async with scene(house, settings=BOTH) as at:
        at.fake.templates["T1"] = ["amount3"]
        lin = await seller(at)
        at.fake.fault(SEND, "errcode", code=48001, words="api unauthorized")
        assert isinstance(await at.sends(lin, "one", amount=AMOUNT), Sent)
        assert (await lin.hears("¥38.70")).via == "template"
        assert isinstance(await at.sends(lin, "two", amount=AMOUNT), Sent)
        assert tried(at) == 1
        assert at.alerts() == {"wechat_capability:customer"}
        at.fake.behave()
        house.now += timedelta(hours=25)
        await lin.says("0")
        assert await at.sends(lin, "three", amount=AMOUNT) == Sent(None)
        assert at.alerts() == set()


@pytest.mark.parametrize(("code", "fields"), [(40037, None), (47003, ["amount3", "time4"])])
async def test_a_wrong_template_loses_no_notice_and_is_shown_to_the_operators(
    one_house: House, code: int, fields: list[str] | None
):
    async with scene(one_house, settings=BOTH) as at:
        if fields is not None:
            at.fake.templates["T1"] = fields
        lin = await seller(at)
        one_house.now += timedelta(hours=49)
        outcome = await at.sends(lin, "one", amount=AMOUNT)
        assert isinstance(outcome, Closed)
        assert outcome.reason.startswith(str(code))
        assert at.alerts() == {"wechat_capability:T1"}
        assert isinstance(await at.sends(lin, "two", amount=AMOUNT), Closed)
        assert tried(at, "message/template/send") == 1


@pytest.mark.parametrize(
    ("kind", "certified", "way"),
    [
        ("service", True, Sent),
        ("service", False, Closed),
        ("subscription", True, Sent),
        ("subscription", False, Closed),
    ],
)
async def test_an_account_tries_only_what_its_kind_may(one_house: House, kind: str, certified: bool, way: type[Any]):
    settings = {"FENXIAO_WECHAT__KIND": kind, "FENXIAO_WECHAT__CERTIFIED": str(certified).lower()}
    async with scene(one_house, settings=settings) as at:
        lin = await seller(at)
        assert isinstance(await at.sends(lin, "one"), way)
        assert tried(at) == (1 if way is Sent else 0)


async def test_a_long_announcement_says_how_to_read_the_whole(one_house: House):
    from bot.channels.sending import Message
    from bot.rendering import Rendered

    async with scene(one_house) as at:
        lin = await seller(at)
        long = Message("a:1", "announcement", {}, Rendered("📢 " + "周年庆，" * 700))
        assert isinstance(await at.channel.send(at.recipient(lin), long), Sent)
        shown = await lin.hears("周年庆")
        assert shown.text.endswith("（太长了，发「公告」看全文）")
        assert 1900 < len(shown.text.encode()) <= 2048


# The rule by itself

TEMPLATE = WechatTemplate(template_id="T")
KINDS = ("notice.commission_earned", "notice.order_paid", "notice.tasks_morning", "announcement", "alert.audit")


@given(
    notice=st.sampled_from(KINDS),
    account=st.tuples(st.sampled_from(["service", "subscription"]), st.booleans()),
    left=st.lists(st.sampled_from(["message", "tap", "subscription:T", "mass:2026-11"]), unique=True),
    mapped=st.booleans(),
)
def test_no_route_is_offered_that_is_not_allowed(notice: str, account: tuple[str, bool], left: list[str], mapped: bool):
    able = capabilities(account[0], certified=account[1])
    mapping = {notice.removeprefix("notice."): TEMPLATE} if mapped else {}
    found = routes(notice, able=able, left=left, templates=mapping, subscriptions=mapping)
    order = (wechat_routes.CUSTOMER, wechat_routes.SUBSCRIPTION, wechat_routes.TEMPLATE)
    ranks = [order.index(route.name) for route in found]
    assert ranks == sorted(ranks)
    assert all(route.name in able for route in found)
    assert all(route.allowance in left for route in found if route.allowance)
    if notice in ("announcement", "notice.tasks_morning"):
        assert wechat_routes.TEMPLATE not in [route.name for route in found]
