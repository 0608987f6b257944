"""The shop reports orders: signed, in any order, many at once, and each report gets its own answer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from datetime import timedelta

from sqlalchemy import func, select

from bot.database import DatabaseUnavailable
from domain.sales import order_events
from domain.schema import Order, OrderEvent
from tests.bot.web.house import SECRET, House, breaking, furnish, payment, running, signed

OTHER_SECRET = "whsec_" + base64.b64encode(b"the next secret while we rotate").decode()


async def test_each_event_is_answered_as_agreed(any_house: House):
    house = any_house
    late = {"order_id": "A-1001", "at": "2026-11-24T02:00:00Z"}
    assert await house.event("order.delivered", late) == (202, {"status": "waiting"})
    assert await house.event("order.paid", payment(), "w-1") == (200, {"status": "applied"})
    assert await house.event("order.paid", payment(), "w-1") == (200, {"status": "duplicate"})
    assert await house.event("order.paid", payment(), "w-2") == (200, {"status": "duplicate"})
    assert (await house.event("order.paid", payment(shipping=0), "w-1"))[0] == 409
    assert (await house.event("order.paid", payment(shipping=0), "w-3"))[0] == 409
    assert (await house.get("/orders/A-1001"))[1]["state"] == "delivered"
    assert house.woken > 0


async def test_what_is_wrong_is_listed_and_kept_for_the_operator(any_house: House):
    house = any_house
    lines = [{"sku": "no-such", "quantity": 1, "amount": 100}]
    status, problem = await house.event("order.paid", payment("A-2", items=lines), "w-2")
    assert (status, problem["type"]) == (422, "urn:fenxiao:problem:invalid")
    assert problem["errors"] == [{"field": "items[0].sku", "reason": problem["errors"][0]["reason"]}]
    odd = [{"sku": "JP-SERUM-30", "quantity": True, "amount": -1}]
    status, problem = await house.event("order.paid", payment("A-3", items=odd), "w-3")
    assert {error["field"] for error in problem["errors"]} == {"items[0].quantity", "items[0].amount"}
    body = json.dumps(["not an event"])
    assert (await house.hook(body.encode(), signed(body, "w-4", house.now)))[0] == 422
    kept = house.write(order_events.refused_events)
    assert {event.webhook_id for event in kept} == {"w-2", "w-3", "w-4"}


async def test_what_the_shop_sends_besides_is_no_mistake(house: House):
    body = json.dumps({"type": "order.paid", "data": payment(note="gift", address={"city": "杭州"}), "source": "shop"})
    assert await house.hook(body.encode(), signed(body, "w-1", house.now)) == (200, {"status": "applied"})


async def test_a_burst_is_written_in_few_transactions_and_a_bad_one_harms_no_other(any_house: House):
    house = any_house
    wanted = [payment(f"A-{number}") for number in range(60)]
    wanted[30]["items"] = []
    answers = await asyncio.gather(*(house.event("order.paid", data) for data in wanted))
    assert Counter(status for status, _ in answers) == {200: 59, 422: 1}
    assert answers[30][0] == 422
    assert house.write(lambda db: db.scalar(select(func.count()).select_from(Order))) == 59
    async with house.client.get(house.base + "/metrics") as answer:
        figures = dict(line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if line[0] != "#")
    assert float(figures['fenxiao_write_group_items_total{what="order_events"}']) == 60
    assert float(figures['fenxiao_write_groups_total{what="order_events"}']) < 40


async def test_the_same_delivery_twice_at_once_takes_effect_once(any_house: House):
    house = any_house
    answers = await asyncio.gather(*(house.event("order.paid", payment(), f"w-{n % 2}") for n in range(8)))
    assert Counter(answer["status"] for _, answer in answers) == {"applied": 1, "duplicate": 7}


async def test_secrets_can_be_rotated(sqlite_url: str):
    async with running(sqlite_url, hook_secrets=(SECRET, OTHER_SECRET)) as house:
        house.write(furnish)
        body = json.dumps({"type": "order.paid", "data": payment()})
        for secret in (SECRET, OTHER_SECRET):
            assert (await house.hook(body.encode(), signed(body, "w-1", house.now, secret)))[0] == 200
        headers = signed(body, "w-1", house.now)
        headers["webhook-signature"] = "v1a,nonsense v2,abc " + headers["webhook-signature"]
        assert (await house.hook(body.encode(), headers))[0] == 200


async def test_without_a_secret_there_is_no_such_address(sqlite_url: str):
    async with running(sqlite_url, hook_secrets=()) as house:
        assert (await house.event("order.paid", payment()))[0] == 404


async def test_b6_a_signature_that_is_not_quite_right_is_refused(house: House):
    body = json.dumps({"type": "order.paid", "data": payment()})
    good = signed(body, "w-1", house.now)
    seconds = good["webhook-timestamp"]
    early, late = house.now - timedelta(minutes=6), house.now + timedelta(minutes=6)
    other = "whsec_" + base64.b64encode(b"somebody else's secret entirely").decode()
    wrong = {
        "bad base64": good | {"webhook-signature": "v1,***"},
        "no version": good | {"webhook-signature": good["webhook-signature"].partition(",")[2]},
        "unpadded": good | {"webhook-signature": good["webhook-signature"].rstrip("=")},
        "empty": good | {"webhook-signature": ""},
        "not ascii": good | {"webhook-signature": "v1,é"},
        "six minutes ago": signed(body, "w-1", early),
        "in six minutes": signed(body, "w-1", late),
        "a float": good | {"webhook-timestamp": seconds + ".0"},
        "Arabic digits": good | {"webhook-timestamp": "".join(chr(0x660 + int(digit)) for digit in seconds)},
        "an exponent": good | {"webhook-timestamp": "1e9"},
        "a sign": good | {"webhook-timestamp": "+" + seconds},
        "an endless number": good | {"webhook-timestamp": seconds * 100},
        "id with dots": signed(body, "w.1", house.now),
        "id with a space": signed(body, "w 1", house.now),
        "no id": good | {"webhook-id": ""},
        "another id": good | {"webhook-id": "w-2"},
        "another secret": signed(body, "w-1", house.now, other),
    }
    answers = {name: (await house.hook(body.encode(), headers)) for name, headers in wrong.items()}
    assert {name: status for name, (status, _) in answers.items() if status != 401} == {}
    assert len({str(problem) for _, problem in answers.values()}) == 1, "the answer tells a forger nothing"
    assert (await house.hook(body.encode() + b" ", good))[0] == 401
    assert (await house.hook(body.encode(), good))[0] == 200


async def test_b12_while_the_database_is_gone_the_shop_is_asked_to_come_again(any_house: House):
    house = any_house
    repair = breaking(house.database, DatabaseUnavailable("disk is full"))
    body = json.dumps({"type": "order.paid", "data": payment()})
    async with house.client.post(
        house.base + "/hooks/shop", data=body, headers=signed(body, "w-1", house.now)
    ) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert (await answer.json(content_type=None))["type"] == "urn:fenxiao:problem:unavailable"
    repair()
    assert house.write(lambda db: db.scalar(select(func.count()).select_from(OrderEvent))) == 0
    assert (await house.hook(body.encode(), signed(body, "w-1", house.now)))[0] == 200
