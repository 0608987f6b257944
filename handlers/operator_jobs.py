"""What the clock does by itself: the last run of each job, what failed or was missed first, and to run one again."""

from __future__ import annotations

from collections.abc import Mapping

from domain import audit_log
from domain.wording import Words, words
from domain.work import job_runs, job_words
from domain.work.job_runs import Run
from handlers.forms import BLANK, PAGE, Item, beginning, named, numbered_list, page_number, pager, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route

_LAST = 6


@route("jobs", who=operators, command=True)
def jobs(chat: Chat, page: str = "1") -> Reply:
    """The newest run of every job."""
    found = job_runs.newest_of_each(chat.db)
    if not found:
        return reply(words("jobs.none"), rows=[way_back("desk")])
    at = page_number(page, len(found))
    shown = found[(at - 1) * PAGE : at * PAGE]
    lines, buttons = numbered_list(Item(_line(run), job_words.named(run.job), f"job:{run.id}") for run in shown)
    more = pager("jobs", at, len(found))
    rows = [*buttons, more, [button("jobs.trouble", "jobs_trouble")], way_back("desk")]
    return reply(words("jobs.title"), *lines, rows=rows)


@route("jobs_trouble", who=operators)
def trouble(chat: Chat) -> Reply:
    """The newest runs that failed or were missed."""
    found = [run for state in ("failed", "missed") for run in job_runs.history(chat.db, state=state, limit=2 * PAGE)]
    found = [run for run in found if run.trouble]
    if not found:
        return reply(words("jobs.no_trouble"), rows=[way_back("jobs")])
    newest = sorted(found, key=lambda run: run.started_at, reverse=True)[:PAGE]
    lines, buttons = numbered_list(Item(_line(run), job_words.named(run.job), f"job:{run.id}") for run in newest)
    return reply(words("jobs.trouble_title"), *lines, rows=[*buttons, way_back("jobs")])


@route("job", who=operators)
def job(chat: Chat, which: str) -> Reply:
    """One run, and those of the same job before it."""
    run = job_runs.find(chat.db, number(which))
    others = [other for other in job_runs.history(chat.db, job=run.job, limit=_LAST) if other.id != run.id]
    lines = [words("jobs.tries", n=run.attempts)] if run.attempts > 1 else []
    if run.state == "failed" and run.again_at is not None:
        lines.append(words("jobs.again_at", at=run.again_at))
    if run.seconds is not None:
        lines.append(words("jobs.took", seconds=f"{run.seconds:.1f}"))
    again = [button("jobs.again", f"job_again:{run.id}")] if run.repeatable else []
    return reply(
        words("jobs.one", job=job_words.named(run.job), period=run.period),
        _state(run),
        *lines,
        *([BLANK, words("jobs.others"), *(_line(other) for other in others)] if others else []),
        rows=[again, way_back("jobs")],
    )


@route("job_again", who=operators)
def again(chat: Chat, which: str) -> Reply:
    """Have it begun again by the clock, at its next look a few seconds from now."""
    run = job_runs.ask_again(chat.db, number(which), now=chat.now)
    audit_log.record(
        chat.db,
        actor=f"member:{chat.person.member_id}",
        action="job.again",
        subject=f"job:{run.job}:{run.period}",
        before={"state": run.state},
        after={"state": "running"},
        now=chat.now,
    )
    asked = words("jobs.asked", job=job_words.named(run.job), period=run.period)
    return reply(asked, rows=[[button("jobs.look", f"job:{run.id}")], way_back("jobs")])


def _line(run: Run) -> Words:
    return words("jobs.line", at=run.started_at, job=job_words.named(run.job), state=_state(run))


def _state(run: Run) -> Words:
    """How it ended and what it did, or why not."""
    if run.state == "done" and isinstance(run.result, Mapping):
        return words("jobs.done", did=job_words.told(run.job, run.result))
    if run.state == "failed":
        return words("jobs.failed", error=named(beginning(run.error or "–", 200)))
    if run.state == "missed" and not run.trouble:
        return words("jobs.not_yet")
    return words(f"jobs.{run.state}")
