"""Commissions under review: operators see them with the evidence, and decide in chat."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from domain.schema import AuditRow, Member, Order, Outbox
from tests.handlers.house import House


def decided(house: House) -> tuple[str, str | None]:
    with house.database.transaction() as db:
        row = db.execute(select(Order.decision, Order.decision_reason).where(Order.order_id == "A-4")).one()
    return row.decision, row.decision_reason


def test_the_desk_counts_what_waits_and_the_list_says_why(house: House):
    ops = house.talk("ops")
    assert "有 1 笔订单的佣金等你核对" in ops.says("运营台").text
    listed = ops.presses("佣金核对")
    assert "A-4" in listed.text
    assert "买家就是推广人自己" in listed.text
    seen = ops.presses("1 A-4")
    assert "买家：u-lin" in seen.text
    assert "推广人：小林（lin）" in seen.text
    assert "第 1 级　小林（lin）　¥8.40" in seen.text
    assert "第 2 级　小梅（mei）　¥3.60" in seen.text
    english = house.talk("ops", locale="en").says("holds")
    assert "the buyer is the seller" in english.text


@pytest.mark.parametrize(("locale", "press", "reason", "heard", "decision", "action"), [
    ("zh", "放行", "给妈妈买的，聊过了", "已放行", "released", "order.released"),
    ("en", "Cancel it", "Bought for themselves", "is cancelled", "denied", "order.denied"),
])  # fmt: skip
def test_a_decision_needs_a_reason_and_is_recorded(
    house: House, locale: str, press: str, reason: str, heard: str, decision: str, action: str
):
    ops = house.talk("ops", locale=locale)
    ops.says("holds")
    ops.presses("1 A-4")
    asked = ops.presses(press)
    assert "¥12.00" in asked.text
    assert decided(house)[0] == "held"
    assert heard in ops.says(reason).text
    assert decided(house) == (decision, reason)
    with house.database.transaction() as db:
        row = db.execute(select(AuditRow).where(AuditRow.action == action)).scalar_one()
    assert (row.actor, row.subject) == ("member:ops", "order:A-4")
    assert "A-4" not in ops.says("核对").text


def test_whoever_loses_a_commission_by_a_decision_is_told_so_and_why(one_house: House):
    ops = one_house.talk("ops")
    for press in ("核对",):
        ops.says(press)
    ops.presses("1 A-4")
    ops.presses("取消佣金")
    ops.says("自己买自己的")
    with one_house.database.transaction() as db:
        keys = db.scalars(
            select(Outbox.text_key)
            .join(Member, Member.id == Outbox.member_id)
            .where(Member.member_id == "lin", Outbox.text_key.like("notice.commission_%"))
        ).all()
    assert "notice.commission_denied" in keys
    lin = one_house.talk("lin")
    lin.says("明细")
    assert "运营核对后取消了这笔订单的佣金：自己买自己的" in lin.presses("2 ").text


def test_a_word_of_the_menu_is_no_reason(one_house: House):
    ops = one_house.talk("ops")
    ops.says("核对")
    ops.presses("1 A-4")
    ops.presses("放行")
    assert "直接发这些词" in ops.says("帮助").text
    assert decided(one_house)[0] == "held"


def test_what_another_operator_has_decided_meanwhile_is_gone(one_house: House):
    first, second = one_house.talk("ops"), one_house.talk("ops", locale="en")
    for talk, press in ((first, "放行"), (second, "Cancel it")):
        talk.says("holds")
        talk.presses("1 A-4")
        talk.presses(press)
    first.says("问过了，没问题")
    assert "We can't find that" in second.says("Not allowed").text
    assert decided(one_house) == ("released", "问过了，没问题")


def test_only_operators_decide(one_house: House):
    with one_house.database.transaction() as db:
        which = db.execute(select(Order.id).where(Order.order_id == "A-4")).scalar_one()
    for action in ("holds", f"held:{which}", f"hold_release:{which}", f"hold_deny:{which}"):
        assert "不对你开放" in one_house.talk("lin").taps(action).text
