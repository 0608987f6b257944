"""Announcements for scripts: audiences by name and description, the report as a file, sending again."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from domain.messages import announcements
from domain.schema import AuditRow, Member, MemberTag, Outbox
from tests.bot.web.house import House
from tests.someone import chat, member

VIPS = {"role": ["agent", "distributor"], "tag": "vip"}


def people(house: House, count: int) -> list[int]:
    def make(db: Any) -> list[int]:
        made = [member(db, f"p-{n}", "agent", name="=1+1" if n == 0 else f"P{n}") for n in range(count)]
        for one in made:
            chat(db, one, "telegram", locale="zh")
        db.execute(insert(MemberTag).values([{"member_id": one, "tag": "vip"} for one in made]))
        return made

    made: list[int] = house.write(make)
    return made


def put_out(house: House, which: int) -> None:
    def put(db: Any) -> None:
        while announcements.enqueue_chunk(db, which, now=house.now):
            pass

    house.write(put)


def fail(house: House, which: int, states: dict[int, str]) -> None:
    def become(db: Any) -> None:
        for who, state in states.items():
            mine = (Outbox.announcement_id == which, Outbox.member_id == who)
            over = None if state == "deferred" else house.now
            db.execute(update(Outbox).where(*mine).values(state=state, finished_at=over, error="@no"))

    house.write(become)


async def test_an_audience_is_saved_counted_written_to_and_forgotten(any_house: House):
    house = any_house
    people(house, 3)
    status, counted = await house.call("POST", "/audiences/count", json={"audience": VIPS})
    assert (status, counted) == (200, {"recipients": 3})
    status, kept = await house.call("PUT", "/audiences", json={"items": [{"name": "贵宾", "description": VIPS}]})
    assert (status, kept["items"]) == (200, [{"name": "贵宾", "description": VIPS | {"tag": ["vip"]}, "recipients": 3}])
    for audience in ("贵宾", VIPS):
        status, made = await house.call("POST", "/announcements", json={"text": "x", "audience": audience})
        assert (status, made["recipients"]) == (201, 3)
        assert made["audience"] == ("贵宾" if audience == "贵宾" else "custom")
    _, gone = await house.call("DELETE", "/audiences/贵宾")
    assert gone == {"items": [], "cursor": None}
    assert (await house.call("DELETE", "/audiences/贵宾"))[0] == 404
    status, problem = await house.call("POST", "/announcements", json={"text": "x", "audience": {"role": "king"}})
    assert (status, problem["errors"][0]["field"]) == (422, "audience.role")
    unclear: list[Any] = [[], 7, {}]
    for wrong in unclear:
        status, problem = await house.call("POST", "/announcements", json={"text": "x", "audience": wrong})
        assert (status, problem["errors"][0]["field"]) == (422, "audience")


async def test_the_report_is_a_file_without_formulas_in_the_callers_language(any_house: House):
    house = any_house
    zero, one, two = people(house, 3)
    _, made = await house.call("POST", "/announcements", json={"text": "x", "audience": "agents", "kind": "business"})
    put_out(house, made["id"])
    fail(house, made["id"], {zero: "failed", one: "deferred", two: "sent"})
    for language, why in (("zh", "平台拒收"), ("en", "Refused by the platform")):
        url = f"{house.base}/api/v1/announcements/{made['id']}/report"
        headers = {"Authorization": f"Bearer {house.keys['read']}", "Accept-Language": language}
        async with house.client.get(url, headers=headers) as answer:
            assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
            rows = list(csv.DictReader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
        assert [row["member_id"] for row in rows] == ["p-0", "p-1"]
        first = [rows[0][name] for name in ("name", "reason", "why", "error")]
        assert first == ["'=1+1", "refused", why, "'@no"]
    assert (await house.get("/announcements/77/report"))[0] == 404
    assert (await house.get("/announcements/x/report"))[0] == 404


async def test_it_is_sent_again_to_those_it_missed_as_another_announcement(any_house: House):
    house = any_house
    zero, one, two = people(house, 3)
    _, made = await house.call("POST", "/announcements", json={"text": "x", "audience": "agents"})
    call = f"/announcements/{made['id']}/resend"
    status, problem = await house.call("POST", call, json={})
    assert (status, problem["type"]) == (422, "urn:fenxiao:problem:still_going")
    put_out(house, made["id"])
    fail(house, made["id"], {zero: "failed", one: "unknown", two: "sent"})
    status, again = await house.call("POST", call, json={})
    assert (status, again["recipients"], again["resend_of"]) == (201, 1, made["id"])
    put_out(house, again["id"])
    fail(house, again["id"], {zero: "sent"})
    _, risky = await house.call("POST", call, json={"states": ["unknown", "failed"]})
    assert risky["recipients"] == 1
    assert (await house.call("POST", call, json={"states": ["sent"]}))[0] == 422
    audited = select(AuditRow.after).where(AuditRow.action == "announcement.resend")
    rows = house.write(lambda db: db.scalars(audited).all())
    assert rows[1] == {"of": made["id"], "states": ["failed", "unknown"]}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"kind": "spam"}, "kind"),
        ({"sku": "NONE"}, "sku"),
        ({"urgent": "yes"}, "urgent"),
        ({"audience": "贵宾"}, "audience"),
    ],
)
async def test_what_else_may_be_wrong_is_said_by_field(house: House, more: dict[str, Any], field: str):
    status, problem = await house.call("POST", "/announcements", json={"text": "x", **more})
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_tags_come_with_members_and_are_shown(house: House):
    put = {"items": [{"member_id": "new", "role": "agent", "tags": ["b", "a"]}]}
    await house.call("PUT", "/members", json=put)
    _, shown = await house.get("/members/new")
    assert shown["tags"] == ["a", "b"]
    assert house.write(lambda db: db.scalar(select(Member.id).where(Member.member_id == "new")))
