"""One's own team, the day's tasks, announcements read back, help and language."""

from __future__ import annotations

from sqlalchemy import delete, select

from domain.schema import Contact, Mute, Task
from tests.handlers.house import House


def test_three_levels_are_counted_and_the_third_is_marked(one_house: House):
    mei = one_house.talk("mei")
    seen = mei.says("团队")
    assert "下线 1 级：2 人" in seen.text
    assert "下线 3 级：1 人（不计佣）" in seen.text
    third = mei.presses("下线 3 级")
    assert "小涛" in third.text
    assert "佣金最多三级" in third.text
    member = mei.presses("1 小涛")
    assert "小涛（下线 3 级）" in member.text
    assert "休眠" in member.text
    mei.taps("level:1")
    assert "近 30 天 4 单，上一单" in mei.presses("小林").text


def test_nobody_looks_into_a_team_above_or_beside_their_own(one_house: House):
    jun = one_house.talk("jun")
    for stranger in ("mei", "lin", "off", "jun", "an"):
        assert "没找到" in jun.taps(f"downline:{one_house.member(stranger)}").text


def test_the_invitation_has_a_link_for_each_way_in_a_code_and_a_poster(one_house: House):
    lin = one_house.talk("lin", channel="telegram")
    invited = lin.says("邀请")
    code = one_house.code("lin", "invite")
    assert f"https://t.me/globalmallbot?start={code}" in invited.text
    assert f"https://shop.example/chat?invite={code}" in invited.text
    assert "邀请本身没有奖励" in invited.text
    poster = lin.presses("邀请海报")
    assert poster.picture is not None
    assert poster.picture.params == {"link": code}


def test_the_tasks_of_today_show_how_far_one_has_come(one_house: House):
    lin = one_house.talk("lin")
    seen = lin.says("今日任务")
    assert "▓▓▓▓▓▓▓▓▓▓ 带来今天的第一位访客　✓" in seen.text
    assert "▓▓▓▓▓▓▓▓▓▓ 带来 2 位访客　✓" in seen.text
    assert "▓▓▓▓▓▓▓▓▓▓ 本周成交 1 单　✓" in seen.text
    assert "积分 65 / 65" in seen.text
    assert "全部完成" in seen.text


def test_whoever_joins_after_the_morning_gets_the_tasks_of_the_day_too(one_house: House):
    jun = one_house.talk("jun")
    with one_house.database.transaction() as db:
        db.execute(delete(Task))
    assert "Bring today's first visitor" in one_house.talk("jun", locale="en").says("tasks").text
    assert "0/2" in jun.says("任务").text
    assert "去卖这件" not in jun.labels(), "the first visitor comes first"


def test_announcements_can_be_read_again_and_muted(one_house: House):
    lin = one_house.talk("lin")
    assert "新品「高山茶」上架。" in lin.says("公告").text
    assert "今晚八点直播" in lin.presses("1 新品").text
    lin.says("公告")
    assert "公告和活动：关" in lin.presses("关公告活动").text
    with one_house.database.transaction() as db:
        assert db.scalars(select(Mute.category)).all() == ["promotion"]
    assert "公告和活动：开" in lin.presses("开公告活动").text


def test_an_announcement_to_others_cannot_be_read(one_house: House):
    late = one_house.stranger(name="后来的")
    late.says("join")
    late.presses("免费加入")
    assert "还没有公告" in late.says("公告").text
    assert "没找到" in late.taps("announcement:1").text


def test_the_language_is_changed_at_once_and_kept(one_house: House):
    lin = one_house.talk("lin")
    assert lin.taps("speak:en").text == "All right, English from now on."
    assert "Hello 小林" in lin.says("0").text
    with one_house.database.transaction() as db:
        assert db.scalars(select(Contact.locale).where(Contact.account == lin.account)).all() == ["en"]


def test_help_names_every_command_of_ones_role(one_house: House):
    routes = one_house.gateway.routes
    for who in ("lin", "an", "ops"):
        talk = one_house.talk(who)
        text = talk.says("帮助").text
        for command in routes.commands:
            if command.name in ("home", "help", "start", "about", "earnings", "orders"):
                continue  # buttons beside it, or empty for those who do not sell
            name = "browse" if who != "lin" and command.name == "products" else command.name  # to buy, not to sell
            named = one_house.texts.template(f"menu.{name}", "zh") in text
            person = {"lin": (True, False), "an": (False, False), "ops": (False, True)}[who]
            sells, operates = person
            allowed = {"sellers": sells, "operators": operates, "members": True, "anyone": True}[command.who.__name__]
            assert named == allowed, (who, command.name)


def test_the_common_questions_are_answered(one_house: House):
    lin = one_house.talk("lin")
    lin.says("常见问题")
    assert "冻结期" in lin.presses("冻结是什么").text
    assert "不承诺收入" in lin.says("模式说明").text
