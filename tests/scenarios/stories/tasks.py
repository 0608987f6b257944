"""A merchant's week: tasks in the morning, a reminder, points, days off, Monday's summary, and less of it all."""

from __future__ import annotations

from tests.scenarios.play import Play


async def story(play: Play) -> None:
    mei = await play.member("mei", "merchant")
    await mei.starts()
    await mei.asks("share_shop")
    link = mei.found(r"(http\S+/r/\w+)")

    play.scene("Monday morning")
    await play.at(8, 30)
    await play.runs("morning_tasks")
    await mei.comes_back()
    await mei.asks("tasks")
    await play.visits(link)
    await play.runs("task_check")
    await mei.asks("tasks")
    await mei.asks("points")

    play.scene("Monday evening")
    await play.at(20)
    await play.runs("evening_reminder")
    await mei.comes_back()

    play.scene("Days off")
    await mei.asks("days_off")
    await mei.taps("days_off.rest", day=play.say("weekday.7"))
    await mei.taps("days_off.take")
    await mei.says("下周", "next week")
    await mei.says("11-26 11-27")
    await mei.asks("days_off")
    await mei.taps("days_off.drop", days=_days(play))

    play.scene("The next Monday")
    await play.at(9, days=7)
    await play.runs("weekly_summary")
    await mei.comes_back()
    await mei.asks("week")

    play.scene("Less of it")
    await mei.asks("settings")
    await mei.taps("settings.mutes")
    await mei.taps("settings.mute.tasks")
    await mei.asks("quiet")
    await mei.says("早点", "early")
    await mei.says("23:00-7:30")
    await play.at(8, 30, days=1)
    await play.runs("morning_tasks")
    await mei.asks("tasks")


def _days(play: Play) -> str:
    return "11月26日 – 11月27日" if play.locale == "zh" else "Nov 26 – Nov 27"
