"""Scripts put members, products and stock, ask for what became of sales, and decide on commissions."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from domain.mall import catalog
from domain.mall.product_puts import _FIELDS as PRODUCT_FIELDS
from domain.mall.product_puts import _STOCK_FIELDS as STOCK_FIELDS
from domain.messages import announcements
from domain.money import rates
from domain.people.member_rules import FIELDS as MEMBER_FIELDS
from domain.schema import AuditRow, Outbox, Visit
from tests.bot.web.house import House, payment, until


async def link_of(house: House, member_id: str = "anna") -> str:
    _, made = await house.call("POST", "/links", json={"member_id": member_id, "sku": "JP-SERUM-30"})
    return str(made["code"])


async def test_a_sale_through_a_link_is_explained_in_the_language_of_whoever_asks(any_house: House):
    house = any_house
    code = await link_of(house)
    assert await house.event("order.paid", payment(ref=code)) == (200, {"status": "applied"})

    status, order = await house.get("/orders/A-1001", headers={"Accept-Language": "de, en;q=0.8, zh;q=0.5"})
    assert status == 200
    assert order["state"] == "paid"
    assert order["credited_to"] == "anna"
    first = order["commissions"][0]
    assert {name: first[name] for name in ("member_id", "level", "sku", "base", "rate_bp", "amount", "state")} == {
        "member_id": "anna",
        "level": 1,
        "sku": "JP-SERUM-30",
        "base": 11600,
        "rate_bp": 3500,
        "amount": 4060,
        "state": "estimated",
    }
    assert (first["reversed"], first["due_at"]) == (0, None)
    assert any("¥40.60" in step for step in first["why"])
    _, in_chinese = await house.get("/orders/A-1001")
    assert in_chinese["commissions"][0]["why"] != first["why"]

    _, anna = await house.get("/members/anna")
    assert anna["balances"] == {
        "CNY": {"pending": 4060, "payable": 0, "withdrawing": 0, "withdrawn": 0, "owed": 0, "prepaid": 0}
    }


async def test_a_member_is_shown_with_their_chats_of_whose_accounts_just_enough_is_seen(any_house: House):
    house = any_house
    known = {"member_id": "anna", "channel": "telegram", "account": "123456789"}
    await house.call("PUT", "/members", json={"items": [known]})
    _, anna = await house.get("/members/anna")
    [chat] = [one for one in anna["channels"] if one["channel"] == "telegram"]
    assert (chat["account"], chat["reachable"]) == ("12…89", True)


async def test_an_order_can_be_held_released_and_denied_and_the_audit_says_by_whom(any_house: House):
    house = any_house
    await house.event("order.paid", payment(ref=await link_of(house)))
    for verb, state in (("hold", "held"), ("release", "estimated"), ("deny", "reversed")):
        status, order = await house.call("POST", f"/orders/A-1001/{verb}", json={"reason": "两个收货地址相同"})
        assert (status, order["commissions"][0]["state"]) == (200, state)
    _, anna = await house.get("/members/anna")
    assert anna["balances"]["CNY"]["pending"] == 0
    status, problem = await house.call("POST", "/orders/A-1001/hold", json={"reason": "again"})
    assert (status, problem["type"]) == (422, "urn:fenxiao:problem:nothing_to_decide")
    actors = house.write(lambda db: set(db.scalars(select(AuditRow.actor).where(AuditRow.subject == "order:A-1001"))))
    assert actors == {"api:writer"}


async def test_the_trial_balance_is_zero_and_entries_come_in_pages(any_house: House):
    house = any_house
    code = await link_of(house)
    for number in range(3):
        await house.event("order.paid", payment(f"A-{number}", ref=code))
    _, books = await house.get("/ledger/trial-balance")
    assert books["totals"] == [{"currency": "CNY", "debit": 19140, "credit": 19140, "balance": 0}]
    keys: list[str] = []
    cursor = ""
    while cursor is not None:
        status, page = await house.get(f"/ledger/entries?member=anna&from=2026-11-23&limit=2&cursor={cursor}")
        assert status == 200
        keys += [entry["key"] for entry in page["items"]]
        cursor = page["cursor"]
    assert keys == ["earned:A-0", "earned:A-1", "earned:A-2"]
    assert (await house.get("/ledger/entries?to=2026-11-23T02:00:00Z"))[1]["items"] == []


async def test_lists_answer_each_item_by_itself(any_house: House):
    house = any_house
    items: list[Any] = [
        {
            "member_id": "new",
            "role": "distributor",
            "sponsor_id": "later",
            "class": "single_brand",
            "class_scope": "HADA",
        },
        {"member_id": "later", "role": "agent"},
        {"member_id": "anna", "role": "distributor"},
        {"member_id": "odd", "role": "king"},
        "not a member",
    ]
    status, answer = await house.call("PUT", "/members", json={"items": items})
    assert status == 200
    assert [(one["id"], one["status"]) for one in answer["results"]] == [
        ("new", "created"),
        ("later", "created"),
        ("anna", "unchanged"),
        ("odd", "refused"),
        ("", "refused"),
    ]
    assert answer["results"][3]["errors"][0]["field"] == "role"
    _, new = await house.get("/members/new")
    assert (new["sponsor_id"], new["class"], new["class_scope"]) == ("later", "single_brand", "HADA")
    for path, item in (
        ("/products", {"sku": "K-1", "name": "面膜", "price": 990}),
        ("/stock", {"sku": "JP-SERUM-30", "warehouse": "HZ", "quantity": 5}),
        ("/rates", {"currency": "JPY", "from": "2026-01-01T00:00:00Z", "rate": "4.82"}),
    ):
        outcomes = [(await house.call("PUT", path, json={"items": [item]}))[1]["results"][0]["status"] for _ in "12"]
        assert outcomes == ["created", "unchanged"], path


async def test_a_list_of_a_thousand_is_taken_and_one_more_is_not(house: House):
    items = [{"sku": f"P-{number}", "name": f"商品 {number}", "price": number} for number in range(1001)]
    status, answer = await house.call("PUT", "/products", json={"items": items[:1000]})
    assert (status, {one["status"] for one in answer["results"]}) == (200, {"created"})
    status, problem = await house.call("PUT", "/products", json={"items": items})
    assert (status, problem["errors"][0]["field"]) == (422, "items")


async def test_the_catalogue_is_searched_in_pages(house: House):
    items = [{"sku": f"M-{number}", "name": f"面膜 {number}", "price": number} for number in range(5)]
    await house.call("PUT", "/products", json={"items": items})
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        _, page = await house.get(f"/products?query=面膜&brand=&category=&limit=2&cursor={cursor}")
        found += [product["sku"] for product in page["items"]]
        cursor = page["cursor"]
    assert found == [f"M-{number}" for number in range(5)]
    assert (await house.get("/products?brand=HADA&category=skincare"))[1]["total"] == 1


async def test_the_downline_and_the_traffic_of_a_member(any_house: House):
    house = any_house
    _, page = await house.get("/members/boss/downline?limit=1")
    assert page["counts"] == [1, 1, 0]
    assert [row["member_id"] for row in page["items"]] == ["merchant"]
    _, rest = await house.get(f"/members/boss/downline?limit=1&cursor={page['cursor']}")
    assert ([row["member_id"] for row in rest["items"]], rest["cursor"]) == (["anna"], None)
    _, second = await house.get("/members/boss/downline?level=2")
    assert [row["member_id"] for row in second["items"]] == ["anna"]

    code = await link_of(house)
    for agent in ("Mozilla/5.0 (iPhone)", "Mozilla/5.0 (iPhone)", "Mozilla/5.0 (Android 16)", "Googlebot/2.1"):
        await house.client.get(f"{house.base}/r/{code}", headers={"User-Agent": agent}, allow_redirects=False)
    await house.event("order.paid", payment(ref=code))
    await until(lambda: house.write(lambda db: db.scalar(select(func.count()).select_from(Visit))) == 4)
    status, traffic = await house.get("/members/anna/traffic?from=2026-11-22&to=2026-11-23")
    assert status == 200
    assert traffic["days"] == [
        {"day": "2026-11-22", "visits": 0, "visitors": 0, "ips": 0, "orders": 0},
        {"day": "2026-11-23", "visits": 3, "visitors": 2, "ips": 1, "orders": 1},
    ]
    assert len((await house.get("/members/anna/traffic"))[1]["days"]) == 30


async def test_a_link_is_made_once_and_only_for_those_who_may_sell_the_product(any_house: House):
    house = any_house
    assert await link_of(house) == await link_of(house)
    await house.call(
        "PUT", "/products", json={"items": [{"sku": "OFF", "name": "下架", "price": 1, "on_shelf": False}]}
    )
    refused = [("carl", "JP-SERUM-30"), ("anna", "OFF"), ("anna", "no-such"), ("nobody", "JP-SERUM-30")]
    for member_id, sku in refused:
        status, problem = await house.call("POST", "/links", json={"member_id": member_id, "sku": sku})
        assert status == 422, (member_id, sku)
        assert problem["errors"][0]["field"] in ("member_id", "sku")


async def test_an_announcement_is_scheduled_counted_and_cancelled(any_house: House):
    house = any_house
    status, made = await house.call(
        "POST", "/announcements", json={"text": "双十一\n开始了", "audience": "distributors"}
    )
    assert (status, made["recipients"], made["queued"]) == (201, 1, 1)
    assert house.woken == 1
    _, seen = await house.get(f"/announcements/{made['id']}")
    assert seen == made
    _, gone = await house.call("POST", f"/announcements/{made['id']}/cancel")
    assert (gone["recipients"], gone["cancelled"], gone["queued"]) == (1, 1, 0)
    assert house.write(lambda db: db.scalar(select(func.count()).select_from(Outbox))) == 0
    status, problem = await house.call("POST", "/announcements", json={"text": "x", "audience": "the moon"})
    assert (status, problem["errors"][0]["field"]) == (422, "audience")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ({"zh": "您好", "en": "Hello"}, ("您好", "Hello")),
        ({"en": "Hello"}, ("Hello", None)),
        ({"zh": "您好"}, ("您好", None)),
    ],
)
async def test_an_announcement_may_be_in_two_languages(
    house: House, text: dict[str, str], kept: tuple[str, str | None]
):
    status, made = await house.call("POST", "/announcements", json={"text": text})
    assert status == 201
    found = house.write(lambda db: announcements.find(db, made["id"]))
    assert (found.text, found.text_en) == kept
    after = house.write(lambda db: db.scalar(select(AuditRow.after).where(AuditRow.action == "announcement.schedule")))
    assert after["text"] == (text if len(text) == 2 else next(iter(text.values())))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ({}, "text"),
        (5, "text"),
        (None, "text"),
        (["x"], "text"),
        ("", "text"),
        ({"zh": ""}, "text.zh"),
        ({"zh": None}, "text.zh"),
        ({"zh": "您好", "fr": "Salut"}, "text.fr"),
        ({"en": "x" * 3_501}, "text.en"),
        ("x" * 3_501, "text"),
    ],
)
async def test_what_is_wrong_with_an_announcements_text_is_said_by_field(house: House, text: object, field: str):
    status, problem = await house.call("POST", "/announcements", json={"text": text})
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_missing_things_are_answered_alike(house: House):
    missing = (
        "/members/nobody",
        "/members/nobody/downline",
        "/members/nobody/traffic",
        "/orders/none",
        "/announcements/77",
        "/announcements/x",
        "/announcements/99999999999999999999999",
        "/no/such/call",
    )
    answers = {str(await house.get(path)) for path in missing}
    assert len(answers) == 1
    assert "404" in answers.pop()


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/products?limit=0", "limit"),
        ("/products?limit=１０", "limit"),
        ("/products?limit=1e2", "limit"),
        ("/products?limit=99999999999999999999", "limit"),
        ("/products?limit=1&limit=2", "limit"),
        ("/products?colour=red", "colour"),
        ("/products?brand=%07", "brand"),
        ("/products?cursor=MTIz!", "cursor"),
        ("/products?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "cursor"),
        ("/members/boss/downline?level=4", "level"),
        ("/members/boss/downline?cursor=MQ==", "cursor"),
        ("/members/anna/traffic?from=2026-13-01", "from"),
        ("/members/anna/traffic?from=2026-11-23&to=2026-11-01", "from"),
        ("/members/anna/traffic?from=2020-01-01&to=2026-11-01", "from"),
        ("/members/anna/traffic?from=9999-12-31", "from"),
        ("/ledger/entries?from=yesterday", "from"),
        ("/ledger/entries?member=nobody", "member"),
        ("/members/anna?verbose=1", "verbose"),
    ],
)
async def test_what_a_query_gets_wrong_is_named(house: House, path: str, field: str):
    status, problem = await house.get(path)
    assert (status, problem["errors"][0]["field"]) == (422, field)
    assert problem["type"] == "urn:fenxiao:problem:invalid"


async def test_a_key_is_needed_and_one_for_reading_changes_nothing(house: House):
    async with house.client.get(house.base + "/api/v1/members/anna") as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.content_type == "application/problem+json"
    for bad in ("Bearer nonsense-key", "Basic YTpi", "Bearer", "Bearer fx_" + "é" * 40, "Bearer " + "x" * 4000):
        status, _ = await house.get("/members/anna", headers={"Authorization": bad})
        assert status == 401, bad
    status, _ = await house.call("PUT", "/members", scope="read", json={"items": [{"member_id": "x"}]})
    assert status == 403
    assert (await house.get("/members/x"))[0] == 404
    assert (await house.get("/members/anna", scope="read"))[0] == 200


async def test_who_guesses_keys_is_slowed_down_and_others_are_not(house: House):
    guesses = [
        (await house.get("/members/anna", headers={"Authorization": f"Bearer fx_guess{n:06}"}))[0] for n in range(40)
    ]
    assert set(guesses) == {401, 429}
    assert (await house.get("/members/anna"))[0] == 200


def test_the_description_of_lists_names_the_fields_that_the_domain_knows():
    from bot.web.api import members, products, stock
    from bot.web.api import rates as api_rates

    def names(model: Any) -> set[str]:
        return {field.alias or name for name, field in model.model_fields.items()}

    assert names(members.MemberItem) == set(MEMBER_FIELDS)
    assert names(products.ProductItem) == set(PRODUCT_FIELDS)
    assert names(stock.StockItem) == set(STOCK_FIELDS)
    assert names(api_rates.RateItem) == set(rates._FIELDS)
    assert names(products.Product) - {"stock"} == set(catalog.ProductRow.__slots__) - {"id", "created_at", "stock"}
