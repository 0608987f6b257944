"""Every call of `/api/v1`, on one page."""

from __future__ import annotations

from bot.web.api import announcements, audiences, ledger, links, lists, members, orders, products, rates, stock
from bot.web.api.calls import Call

CALLS: tuple[Call, ...] = (
    Call("GET", "/products", products.search, "Search the catalogue", given=products.Search, answer=products.Found),
    Call("PUT", "/products", products.put, "Make or change products", given=products.Products, answer=lists.Results),
    Call("PUT", "/stock", stock.put, "Set stock per warehouse", given=stock.Stocks, answer=lists.Results),
    Call("PUT", "/rates", rates.put, "Set currency rates", given=rates.Rates, answer=lists.Results),
    Call("PUT", "/members", members.put, "Make or change members", given=members.Members, answer=lists.Results),
    Call("GET", "/members/{member_id}", members.show, "One member with balances", answer=members.Shown),
    Call(
        "GET",
        "/members/{member_id}/downline",
        members.downline,
        "Three levels below a member",
        given=members.Levels,
        answer=members.Downline,
    ),
    Call(
        "GET",
        "/members/{member_id}/traffic",
        members.traffic,
        "A member's visits, visitors, addresses and orders per day",
        given=members.Days,
        answer=members.Traffic,
    ),
    Call(
        "POST",
        "/links",
        links.make,
        "A member's link to a product",
        given=links.Wanted,
        answer=links.Made,
        fields={"cannot_sell": "member_id", "off_shelf": "sku", "outside_class": "sku"},
    ),
    Call("GET", "/orders/{order_id}", orders.show, "One order with every commission explained", answer=orders.Shown),
    *(
        Call("POST", f"/orders/{{order_id}}/{verb}", work, summary, given=orders.Reason, answer=orders.Shown)
        for verb, work, summary in (
            ("hold", orders.hold, "Keep an order's commissions from becoming payable"),
            ("release", orders.release, "Let the next settlement have what was held or denied"),
            ("deny", orders.deny, "Take back all of an order's commissions"),
        )
    ),
    Call("GET", "/ledger/trial-balance", ledger.trial_balance, "All accounts summed", answer=ledger.TrialBalance),
    Call("GET", "/ledger/entries", ledger.entries, "Ledger entries", given=ledger.Span, answer=ledger.Entries),
    Call(
        "POST",
        "/announcements",
        announcements.schedule,
        "Announce something to an audience",
        given=announcements.Wanted,
        answer=announcements.Progress,
        shows=announcements.progress,
        status=201,
    ),
    Call(
        "GET",
        "/announcements/{announcement_id}",
        announcements.show,
        "How far an announcement has come",
        answer=announcements.Progress,
    ),
    Call(
        "POST",
        "/announcements/{announcement_id}/cancel",
        announcements.cancel,
        "Stop an announcement",
        answer=announcements.Progress,
        shows=announcements.progress,
    ),
    Call(
        "POST",
        "/announcements/{announcement_id}/resend",
        announcements.resend,
        "Send an announcement again to those it did not reach, as a new one",
        given=announcements.Resend,
        answer=announcements.Progress,
        shows=announcements.progress,
        status=201,
        fields={"resend_under_way": "states", "still_going": "states"},
    ),
    Call(
        "GET",
        "/announcements/{announcement_id}/report",
        announcements.REPORT,
        "Everybody an announcement did not reach, and why",
    ),
    Call("GET", "/audiences", audiences.listed, "Saved audiences", given=audiences.Page, answer=audiences.Found),
    Call(
        "PUT", "/audiences", audiences.put, "Make or change saved audiences", given=audiences.Put,
        answer=audiences.Audiences, shows=audiences.shown,
    ),
    Call(
        "POST", "/audiences/count", audiences.count, "How many an audience is", given=audiences.Counted,
        answer=audiences.Count,
    ),
    Call(
        "DELETE", "/audiences/{name}", audiences.remove, "Forget a saved audience", answer=audiences.Found,
        shows=audiences.listed,
    ),
)  # fmt: skip
