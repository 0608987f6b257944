"""Everything that can be asked for: whoever adds, opens or closes a door has to say so here."""

from __future__ import annotations

import pytest

from handlers.routing import Chat, Reply, Route, Routes, anyone, discover, reply

# name: who may (a slash: listed in the platforms' command menus)
DOORS = """
about: anyone /
alert: operators
alert_done: operators
alerts: operators /
all_products: anyone
announce: operators /
announce.audience: operators
announce.confirm: operators
announce.second: operators
announce.text: operators
announce.time: operators
announce_confirm: operators
announce_drop: operators
announce_now: operators
announce_preview: operators
announce_progress: operators
announce_second: operators
announce_send: operators
announce_stop: operators
announce_to: operators
announce_when: operators
announcement: members
announcements: members /
answer: operators
answer.text: operators
ask: anyone
brand: anyone
brands: anyone
categories: anyone
category: anyone
channel: members
channel_code: anyone
channel_enter: anyone
channel_join: anyone
channel_new: members
channel_part: members
channel_part_yes: members
channels: members
channels.code: anyone
chart: sellers
chat_part: operators
chat_part_yes: operators
chats_of: operators
commissions: members
contact: anyone /
contact.message: anyone
days_off: sellers
desk: operators /
downline: sellers
earnings: members /
event: operators
event_retry: operators
events: operators /
faq: anyone
figures: operators /
first_channel: members
follow: anyone
found: anyone
held: operators
help: anyone /
hold_deny: operators
hold_release: operators
holds: operators /
holds.reason: operators
holiday_drop: operators
holiday_new: operators
holidays: operators
holidays.days: operators
home: anyone /
invite: sellers /
invite_poster: sellers
join: anyone
join.name: anyone
join.yes: anyone
join_yes: anyone
language: anyone /
language.chosen: anyone
leave: sellers
leave.days: sellers
leave_drop: sellers
leave_on: sellers
level: sellers
link: sellers
links: sellers
mass: operators
mass_of: operators
mass_send: operators
member_chats: operators /
member_chats.whose: operators
mute: members
mutes: members
order: members
orders: members /
parcel: members
parcels: members /
pick: sellers
points: sellers
poster: sellers
product: anyone
products: anyone /
quiet: members
quiet.hours: members
rename: members
rename.name: members
rest: sellers
search: anyone
settings: members /
share: sellers
share_shop: sellers /
shelf: sellers /
speak: anyone
start: anyone /
task.amount: operators
task.days: operators
task.new_amount: operators
task.title: operators
task_amount: operators
task_check: operators
task_draft: operators
task_for: operators
task_new: operators
task_on: operators
task_person: operators
task_report: operators /
task_report_of: operators
task_stuck: operators
task_switch: operators
task_template: operators
task_templates: operators
tasks: sellers /
team: sellers /
thanks: anyone
track: anyone /
track.code: anyone
traffic: sellers /
unmute: members
unpick: sellers
unread: members
week: sellers
why: members
"""


def test_the_doors_of_the_house_are_these_and_no_others():
    found = discover().by_name
    seen = [f"{name}: {found[name].who.__name__}{' /' if found[name].command else ''}" for name in sorted(found)]
    assert seen == DOORS.strip().splitlines()


def test_two_owners_of_one_name_are_refused():
    def handler(_chat: Chat) -> Reply:
        return reply()

    with pytest.raises(ValueError, match="two handlers own 'home'"):
        Routes([Route("home", handler, anyone, True), Route("home", handler, anyone, False)])
