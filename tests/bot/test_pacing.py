"""The pace of sending: close to the rate, never above it in any second."""

from __future__ import annotations

import asyncio

import pytest

from bot.pacing import GUARD, Limits, Pace, Turn


class Clock:
    """Time that passes only when somebody waits for it, and then a little late, as timers do."""

    def __init__(self, late: list[float] | None = None) -> None:
        self.time = 100.0
        self._late = late or [0.0]
        self._waits = 0

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self._waits += 1
        self.time += max(0.0, seconds) + self._late[self._waits % len(self._late)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Clock:
    clock = Clock(getattr(request, "param", None))
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


async def sent(pace: Pace, clock: Clock, count: int) -> list[float]:
    moments = []
    for _ in range(count):
        turn = await pace.turn()
        moments.append(turn.start)
        pace.done(turn)
    return moments


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


@pytest.mark.parametrize("clock", [[0.0], [0.0, 0.0, 0.02, 0.0, 0.05]], indirect=True)
@pytest.mark.parametrize("rate", [1.0, 30.0, 1000.0])
async def test_no_second_ever_holds_more_than_the_rate(clock: Clock, rate: float) -> None:
    moments = await sent(Pace(rate, clock), clock, int(rate * 10))
    assert most_in_a_second(moments) <= rate


async def test_the_rate_is_used_up_but_for_half_a_percent(clock: Clock) -> None:
    moments = await sent(Pace(30, clock), clock, 3_000)
    reached = (len(moments) - 1) / (moments[-1] - moments[0])
    assert 30 * GUARD * 0.999 <= reached <= 30


async def test_a_pause_is_not_made_up_for(clock: Clock) -> None:
    pace = Pace(30, clock)
    await sent(pace, clock, 10)
    clock.time += 60
    assert most_in_a_second(await sent(pace, clock, 90)) <= 30


async def test_what_the_platform_may_have_received_late_counts_late(clock: Clock) -> None:
    pace = Pace(10, clock)
    first = await pace.turn()
    clock.time += 0.001
    pace.done(first)
    slow = await pace.turn()
    clock.time += 0.05
    pace.done(slow)
    moments = await sent(pace, clock, 10)
    assert moments[-1] + 0.001 - (slow.start + 0.05) >= 1


async def test_after_a_rest_nothing_goes_before_its_end(clock: Clock) -> None:
    pace = Pace(30, clock)
    pace.rest(1.0)
    assert (await pace.turn()).start >= 101.0


# Limits


async def test_after_a_refusal_one_call_finds_out_whether_it_was_about_the_chat_alone(clock: Clock) -> None:
    limits = Limits(30, clock)
    first = await limits.turn()
    assert not limits.refused("1", 5.0), "for all that is known it is about this chat"
    limits.done(first, "1")
    assert limits.rest("1") == pytest.approx(5.0)
    probe = await limits.turn()
    other = asyncio.create_task(limits.turn())
    await turns_of_the_loop()
    assert not other.done(), "nothing else is tried until one call has told"
    limits.taken()
    limits.done(probe, "2")
    await other
    assert limits.rest("2") == 0


async def test_three_chats_refused_with_nothing_taken_in_between_mean_all_of_us(clock: Clock) -> None:
    limits = Limits(30, clock)
    limits.done(await limits.turn(), "1")
    assert not limits.refused("1", 5.0)
    assert not limits.refused("2", 7.0)
    assert not limits.refused("2", 7.0)
    assert limits.refused("3", 7.0)
    limits.taken()
    assert not limits.refused("3", 1.0)


async def test_a_turn_that_was_not_used_lets_the_next_call_find_out(clock: Clock) -> None:
    limits = Limits(30, clock)
    limits.refused("1", 5.0)
    limits.unused(await limits.turn())
    await asyncio.wait_for(limits.turn(), 1)


async def test_a_chat_rests_after_each_message_and_the_many_are_forgotten(clock: Clock) -> None:
    limits = Limits(30, clock, lambda chat: 3.0 if chat.startswith("-") else 1.0)
    for number in range(10_000):
        limits.done(Turn(clock.time), str(number))
        clock.time += 0.001
    assert limits.rest("9999") == pytest.approx(1.0, abs=0.01)
    assert limits.rest("1") == 0
    assert len(limits._free) < 6_000
    limits.done(Turn(clock.time), "-100")
    assert limits.rest("-100") == pytest.approx(3.0)


async def test_an_answer_goes_at_once_and_the_next_turn_comes_later(clock: Clock) -> None:
    pace = Pace(10, clock)
    first = await pace.turn()
    beside = [pace.beside() for _ in range(3)]
    assert all(turn.start == first.start for turn in beside)
    later = await pace.turn()
    assert later.start - first.start == pytest.approx(4 / (10 * GUARD))


async def turns_of_the_loop() -> None:
    for _ in range(3):
        loop = asyncio.get_running_loop()
        passed = loop.create_future()
        loop.call_soon(passed.set_result, None)
        await passed
