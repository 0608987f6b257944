"""No button leads nowhere: everybody presses everything there is, in both languages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.gateway import reply_from_json
from bot.rendering import LOCALES, Rendered, numbered
from domain.schema import Inbox
from handlers.routing import MAX_ACTION_BYTES, Incoming
from tests.handlers.house import House

ENOUGH = 250
LONGEST_TEXT, LONGEST_CAPTION, WECHAT_BYTES, TELEGRAM_COPY = 1_500, 1_024, 2_048, 256


@dataclass
class Walk:
    """Presses each button once, from the screen that shows it, and takes back what it did on the way out."""

    house: House
    db: Session
    channel: str
    account: str
    pressed: Counter[str] = field(default_factory=Counter)

    def go(self, action: str, depth: int = 0) -> None:
        self.pressed[action] += 1
        with self.db.begin_nested() as step:
            update_key = f"walk-{self.pressed.total()}"
            incoming = Incoming(self.channel, self.account, update_key, action=action)
            screen = self.house.gateway.converse(self.db, incoming).rendered  # a refusal would escape here
            answer: Any = self.db.scalar(select(Inbox.answer).where(Inbox.update_key == update_key))
            for locale in LOCALES:
                look_at(self.house.texts.render(reply_from_json(answer), locale), action, self.house, self.channel)
            for button in screen.buttons:
                following = button.action
                if following and not self.pressed[following] and self.pressed.total() < ENOUGH and depth < 60:
                    self.go(following, depth + 1)
            step.rollback()


def look_at(screen: Rendered, action: str, house: House, channel: str) -> None:
    """What every screen must keep, whoever sees it."""
    name = action.split(":")[0]
    assert screen.text.strip(), action
    assert "{" not in screen.text, screen.text
    assert len(screen.text) <= (LONGEST_CAPTION if screen.picture else LONGEST_TEXT), action
    written = numbered(screen, house.gateway.texts.template("numbers.invitation", screen.locale))
    assert len(written.encode()) <= WECHAT_BYTES, f"{action}: {len(written.encode())} bytes\n{written}"
    assert all(len(row) <= 2 for row in screen.rows), action
    for button in screen.buttons:
        assert button.label.strip(), action
        assert len((button.action or "").encode()) <= MAX_ACTION_BYTES
        if channel == "telegram":
            assert len(button.copy or "") <= TELEGRAM_COPY, f"{action}: {button.copy}"
    if name not in ("home", "start", "desk"):
        assert any(button.action == "home" for button in screen.buttons), f"no way home from {action}"
    listed = [at for at, button in enumerate(screen.buttons) if button.listed]
    assert listed == list(range(len(listed))), f"{action}: listed buttons come first"
    for number, button in enumerate((button for button in screen.buttons if button.listed), 1):
        assert button.label.startswith(f"{number} "), action
        assert f"{number}. " in screen.text, action


PEOPLE = ("mei", "lin", "jun", "tao", "an", "ops", "off")


@pytest.mark.parametrize("who", [*PEOPLE, None])
def test_every_button_is_answered_in_both_languages(one_house: House, who: str | None):
    talk = one_house.talk(who) if who else one_house.stranger()
    with one_house.database.transaction() as db:
        walk = Walk(one_house, db, talk.channel, talk.account)
        walk.go("home")
    assert len(walk.pressed) >= 12
    assert max(walk.pressed.values()) == 1


@pytest.mark.parametrize("channel", ["telegram", "wechat"])
def test_the_screens_of_other_channels_are_answered_too(one_house: House, channel: str):
    talk = one_house.talk("lin", channel=channel)
    with one_house.database.transaction() as db:
        walk = Walk(one_house, db, channel, talk.account)
        walk.go("home")
    assert len(walk.pressed) > 60
