"""The command line: what it prints, what it answers scripts, and how it says no."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from bot import cli, cli_support
from bot.database import Database
from domain.messages import alerts, announcements, outbox
from domain.money import bookkeeping, ledger
from domain.money.settlement import SettlementInFuture
from domain.schema import AuditRow, Contact, EntryLink, Member
from domain.wording import words
from tests.someone import THEN, ZONE, chat, member

ROOT = Path(__file__).parent.parent.parent

PLAN = """
name = "2026 autumn"
base = "margin"
levels_bp = [3500, 1500]
max_margin_share_bp = 6000
freeze_days = 7
"""


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Fenxiao = Callable[..., Said]


@pytest.fixture
def fenxiao(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Fenxiao]:
    """Runs a command as the launcher does, in this process."""
    monkeypatch.setenv("FENXIAO_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["fenxiao", *arguments])
        monkeypatch.setattr(cli_support, "_json", False)
        capsys.readouterr()
        status: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr()
        return Said(status or 0, said.out, said.err)

    handlers = logging.getLogger().handlers[:]
    assert run("migrate").status == 0
    yield run
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_help_explains_every_command_and_comes_at_once() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "bot", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 5  # a bound for a busy machine; it takes a quarter of a second
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.split()}
    wanted = {"run", "migrate", "demo", "admin", "api-key", "import", "plan", "job", "settle", "announce", "events"}
    assert wanted | {"outbox", "dump", "audit", "export"} <= listed


def test_a_migration_twice_is_harmless(fenxiao: Fenxiao) -> None:
    assert fenxiao("migrate", "--json").data == {"changed": False}


def test_the_first_operator_needs_only_a_chat_account(fenxiao: Fenxiao, database: Database) -> None:
    made = fenxiao("admin", "grant", "telegram:12345", "--json")
    assert made.data["operator"] is True
    assert fenxiao("admin", "grant", "telegram:12345", "--json").data == made.data
    assert database.read_now(lambda db: db.query(Member.operator).all()) == [(True,)]
    assert database.read_now(lambda db: db.query(Contact.account).all()) == [("12345",)]
    assert fenxiao("admin", "grant", "12345").status == 2


def test_an_operator_of_the_web_chat_gets_a_link_to_enter_by(fenxiao: Fenxiao, database: Database) -> None:
    made = fenxiao("admin", "grant", "webchat", "--name", "云姐", "--json").data
    assert made["link"].startswith("http://localhost:8080/chat/enter/")
    assert made["expires_at"].endswith("Z")
    assert fenxiao("admin", "list", "--json").data == {"operators": [{"member_id": made["member_id"], "name": "云姐"}]}
    again = fenxiao("admin", "entry", made["member_id"])
    assert "http://localhost:8080/chat/enter/" in again.out
    assert database.read_now(lambda db: db.query(EntryLink).count()) == 1


def test_nobody_is_made_an_operator_whom_nobody_can_be(fenxiao: Fenxiao, database: Database) -> None:
    invented = fenxiao("admin", "grant", "webchat:me")
    assert (invented.status, invented.out) == (1, "")
    assert "fenxiao admin grant webchat" in invented.err
    assert fenxiao("admin", "grant", "telegram:@me").status == 2
    assert fenxiao("admin", "grant", "member:m-nobody").status == 1
    assert fenxiao("admin", "entry", "m-nobody").status == 1
    assert database.read_now(lambda db: db.query(Member).count()) == 0


def test_an_operator_can_be_named_by_the_member_and_be_none_again(fenxiao: Fenxiao, database: Database) -> None:
    with database.transaction() as db:
        chat(db, member(db, "m-1", name="Anna"), "telegram", "777")
    assert fenxiao("admin", "grant", "member:m-1", "--json").data == {"member_id": "m-1", "operator": True}
    fenxiao("admin", "entry", "m-1")
    gone = fenxiao("admin", "revoke", "telegram:777", "--json").data
    assert gone == {"member_id": "m-1", "operator": False, "left": 0}
    assert database.read_now(lambda db: db.query(EntryLink).count()) == 0
    twice = fenxiao("admin", "revoke", "member:m-1")
    assert (twice.status, "is no operator" in twice.err) == (1, True)
    assert "grant webchat" in fenxiao("admin", "list").out


def test_a_key_is_shown_once_and_its_name_is_taken(fenxiao: Fenxiao) -> None:
    key = fenxiao("api-key", "create", "erp", "--scope", "write", "--json").data["key"]
    assert len(key) > 30
    again = fenxiao("api-key", "create", "erp")
    assert (again.status, again.out) == (1, "")
    assert again.err.strip()
    assert fenxiao("api-key", "create", "erp2", "--scope", "all").status == 2


def test_settling_an_empty_shop_makes_nothing_payable(fenxiao: Fenxiao) -> None:
    assert fenxiao("settle", "--json").data == {"made_payable": 0, "amounts": {}}
    assert fenxiao("settle", "--as-of", "2026-01-01T00:00:00Z", "--json").data["made_payable"] == 0


def test_a_time_in_the_future_is_refused_and_one_that_is_no_time_is_wrong_usage(fenxiao: Fenxiao) -> None:
    future = fenxiao("settle", "--as-of", "2199-01-01T00:00:00Z")
    assert (future.status, future.out, len(future.err.strip().splitlines())) == (1, "", 1)
    assert "error" in fenxiao("settle", "--as-of", "2199-01-01T00:00:00Z", "--json").data
    assert fenxiao("settle", "--as-of", "yesterday").status == 2


def test_a_job_runs_for_any_time_and_stands_in_the_history(fenxiao: Fenxiao, database: Database) -> None:
    database.write_now(lambda db: member(db, "m-1"))
    listed = fenxiao("job", "--list", "--json").data["jobs"]
    assert {"settle", "morning_tasks", "evening_reminder", "announcements"} <= {one["name"] for one in listed}
    done = fenxiao("job", "morning_tasks", "--at", "2026-11-23T02:00:00Z", "--json").data
    assert done["day"] == "2026-11-23"
    assert fenxiao("job", "morning_tasks", "--at", "2026-11-23T02:00:00Z", "--json").data == done
    [run] = fenxiao("job", "--history", "--json").data["runs"]
    assert (run["job"], run["period"], run["state"]) == ("morning_tasks", "2026-11-23", "done")
    assert fenxiao("job", "tea").status == 2


def test_an_announcement_is_counted_before_and_sent_after(fenxiao: Fenxiao, database: Database, tmp_path: Path) -> None:
    database.write_now(lambda db: [member(db, f"m-{n}", "merchant") for n in range(3)])
    text = written(tmp_path, "text.txt", "\ufeff明天放假")
    assert fenxiao("announce", "--text-file", text, "--audience", "merchants", "--dry-run", "--json").data == {
        "recipients": 3
    }
    assert fenxiao("announce", "--text-file", text, "--json").data == {"id": 1, "recipients": 3}
    refused = fenxiao("announce", "--text-file", text, "--audience", "everyone")
    assert (refused.status, refused.out) == (1, "")
    assert fenxiao("announce", "--text-file", "absent.txt").status == 2
    zh, en = (f"{language}={written(tmp_path, f'{language}.txt', language)}" for language in ("zh", "en"))
    assert fenxiao("announce", "--text-file", en, "--text-file", zh, "--json").data == {"id": 2, "recipients": 3}
    seen = database.read_now(lambda db: announcements.find(db, 2))
    assert (seen.text, seen.text_en) == ("zh", "en")
    for wrong in ((zh, zh), (text, en), (text, text)):
        assert fenxiao("announce", "--text-file", wrong[0], "--text-file", wrong[1]).status == 2


def test_an_announcement_leaves_a_row_in_the_audit_log(fenxiao: Fenxiao, database: Database, tmp_path: Path) -> None:
    text = tmp_path / "news.txt"
    text.write_text("Hello", encoding="utf-8")
    asked = ("announce", "--text-file", text, "--kind", "business", "--urgent", "--json")
    assert fenxiao(*asked).data["id"] == 1
    row = database.read_now(lambda db: db.execute(select(AuditRow.actor, AuditRow.action, AuditRow.after)).all()[-1])
    assert (row.actor, row.action) == ("cli", "announcement.schedule")
    assert (row.after["kind"], row.after["urgent"], row.after["audience"]) == ("business", True, "all")
    assert fenxiao("announce", "--text-file", text, "--picture", "NONE").status == 1


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_whom_an_announcement_missed_is_written_into_a_file(
    fenxiao: Fenxiao, database: Database, tmp_path: Path, ending: str
) -> None:
    text, file = tmp_path / "news.txt", tmp_path / f"missed{ending}"
    text.write_text("Hello", encoding="utf-8")
    with database.transaction() as db:
        for n in range(3):
            member(db, f"m-{n}")
    fenxiao("announce", "--text-file", text)
    with database.transaction() as db:
        announcements.cancel(db, 1, now=datetime(2026, 11, 23, tzinfo=UTC))
    assert fenxiao("announce", "--report", "1", "-o", file, "--json").data == {"file": str(file), "rows": 3}
    assert file.stat().st_size > 100
    assert fenxiao("announce", "--report", "9", "-o", file).status == 1
    assert fenxiao("announce", "--report", "1").status == 2
    assert fenxiao("announce").status == 2


def test_a_plan_is_checked_published_and_refused_with_the_reason(fenxiao: Fenxiao, tmp_path: Path) -> None:
    good = written(tmp_path, "good.toml", PLAN)
    bad = written(tmp_path, "bad.toml", PLAN + 'colour = "red"')
    assert fenxiao("plan", "check", good).status == 0
    checked = fenxiao("plan", "check", bad, "--json")
    assert checked.status == 1
    assert "colour" in " ".join(checked.data["errors"])
    assert fenxiao("plan", "publish", bad).status == 1
    published = fenxiao("plan", "publish", good, "--from", "2026-12-01T00:00:00Z", "--json").data
    assert (published["name"], published["from"]) == ("2026 autumn", "2026-12-01T00:00:00Z")


def test_the_plan_to_start_from_has_nothing_against_it(fenxiao: Fenxiao) -> None:
    example = str(ROOT / "config" / "plan.example.toml")
    assert fenxiao("plan", "check", example).out == "Nothing stands against this plan.\n"
    published = fenxiao("plan", "publish", example).out
    assert re.search(r"is in force from 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\.", published)


def test_a_file_that_is_no_plan_is_said_to_be_none(fenxiao: Fenxiao) -> None:
    said = fenxiao("plan", "check", str(ROOT / "README.md"))
    assert (said.status, said.out.startswith("error: The file cannot be read as a plan: not TOML")) == (1, True)


def test_what_is_not_there_is_named_and_times_have_their_year_and_zone(fenxiao: Fenxiao) -> None:
    assert fenxiao("events", "retry", "99999").err == "There is no event 99999.\n"
    future = cli_support.expected(SettlementInFuture(as_of=THEN.replace(year=2199, microsecond=5), now=THEN))
    assert future == "It is not 2199-11-01T00:00:00Z yet; at most 2026-11-01T00:00:00Z can be settled."


@pytest.mark.parametrize(
    ("environment", "chosen", "spoken"),
    [
        ({"LANG": "en_US.UTF-8"}, None, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, None, "zh"),
        ({"LANG": "en_US.UTF-8"}, "zh", "zh"),
        ({"LANG": "C.UTF-8"}, None, None),
        ({}, None, None),
    ],
)
def test_whoever_starts_it_is_greeted_in_the_language_of_their_terminal(
    environment: dict[str, str], chosen: str | None, spoken: str | None
) -> None:
    assert cli.terminal_language(environment, chosen) == spoken


def test_what_needs_a_person_is_listed(fenxiao: Fenxiao, database: Database) -> None:
    def doubt(db: Any) -> None:
        one = member(db, "m-1")
        chat(db, one, "telegram")
        outbox.put_all(db, [outbox.Notice("n", one, "notice.x")], now=THEN)
        outbox.choose_ways(db, ["telegram"], limit=9, now=THEN)
        outbox.claim(db, "telegram", limit=9, lease_until=THEN, now=THEN, zone=ZONE)
        outbox.recover(db, before=THEN.replace(year=2099), now=THEN)
        alerts.raise_alert(db, "k", words("alert.x"), now=THEN)

    database.write_now(doubt)
    [message] = fenxiao("outbox", "list", "--json").data["messages"]
    assert (message["state"], message["member_id"], message["channel"]) == ("unknown", "m-1", "telegram")
    assert "m-1" in fenxiao("outbox", "list").out
    assert fenxiao("events", "list", "--json").data == {"events": []}
    assert fenxiao("events", "retry", "7").status == 1


def test_a_file_goes_in_row_by_row_and_its_bad_rows_are_named(fenxiao: Fenxiao, tmp_path: Path) -> None:
    file = written(tmp_path, "goods.csv", "sku,name,price,currency\nA-1,面膜,25800,CNY\nA-2,香水,dear,CNY\n")
    refused = fenxiao("import", "products", file, "--all-or-nothing", "--json")
    assert (refused.status, refused.data["kept"], [bad["line"] for bad in refused.data["bad"]]) == (1, False, [3])
    taken = fenxiao("import", "products", file, "--json")
    assert (taken.status, taken.data["counts"]["created"]) == (1, 1)
    assert fenxiao("import", "cats", file).status == 2


def test_finance_gets_its_tables_and_no_formula_in_them(fenxiao: Fenxiao, database: Database, tmp_path: Path) -> None:
    def sale(db: Any) -> None:
        entry = bookkeeping.Entry(
            key="=earned:A-1",
            kind=bookkeeping.EntryKind.EARNED,
            cause="A-1",
            legs=(
                bookkeeping.Leg(bookkeeping.Account.COMMISSION_EXPENSE, 0, "CNY", 1234),
                bookkeeping.Leg(bookkeeping.Account.PENDING, member(db, "m-1"), "CNY", -1234),
            ),
        )
        ledger.post(db, [entry], now=THEN)

    database.write_now(sale)
    for name in ("ledger.csv", "ledger.xlsx", "ledger.beancount"):
        assert fenxiao("export", "ledger", "-o", str(tmp_path / name)).status == 0
    table = (tmp_path / "ledger.csv").read_text(encoding="utf-8-sig")
    assert "'=earned:A-1" in table
    assert ",1234," in table
    assert [line.rpartition(",")[2] for line in table.splitlines()] == ["amount_decimal", "12.34", "-12.34"]
    books = (tmp_path / "ledger.beancount").read_text(encoding="utf-8")
    assert "Expenses:CommissionExpense  12.34 CNY" in books
    assert "Liabilities:Members:M-m-1:Pending  -12.34 CNY" in books
    later = ("--from", "2099-01-01T00:00:00Z")
    assert fenxiao("export", "orders", "-o", str(tmp_path / "orders.csv"), *later, "--json").data["rows"] == 0
    assert fenxiao("export", "ledger", "-o", "ledger.pdf").status == 2
    assert fenxiao("export", "orders", "-o", str(tmp_path / "no" / "orders.csv")).status == 1


def test_no_two_members_share_an_account_in_the_books_of_finance(
    fenxiao: Fenxiao, database: Database, tmp_path: Path
) -> None:
    names = ("a-1", "a_1", "张三", "李四")
    with database.transaction() as db:
        earned = {member(db, name): 100 for name in names}
        ledger.post(db, [bookkeeping.earned("A-1", earned, "CNY")], now=THEN)
    assert fenxiao("export", "ledger", "-o", str(tmp_path / "ledger.beancount")).status == 0
    books = (tmp_path / "ledger.beancount").read_text(encoding="utf-8")
    opened = [line.split()[2] for line in books.splitlines() if " open Liabilities:Members:" in line]
    assert len(set(opened)) == len(names)
    assert "Liabilities:Members:M-a-1:Pending" in opened
    assert all(name.isascii() for name in opened)


def test_the_dump_is_the_same_twice_and_the_audit_finds_an_empty_shop_in_order(fenxiao: Fenxiao) -> None:
    assert fenxiao("dump").out == fenxiao("dump").out
    audited = fenxiao("audit", "--json")
    assert (audited.status, audited.data) == (0, {"violations": []})


def test_all_wrong_settings_are_told_at_once_and_nothing_is_started(
    fenxiao: Fenxiao, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENXIAO_PORT", "http")
    monkeypatch.setenv("FENXIAO_TIMEZONE", "Moon/Crater")
    said = fenxiao("settle")
    assert said.status == 1
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["FENXIAO_PORT", "FENXIAO_TIMEZONE"]
    assert fenxiao("run", "--role", "cook").status == 2


def test_a_shop_in_which_somebody_has_earned_keeps_its_settlement_currency(
    fenxiao: Fenxiao, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as db:
        ledger.post(db, [bookkeeping.earned("A-1", {member(db, "lin"): 500}, "CNY")], now=THEN)
    assert fenxiao("settle").status == 0
    monkeypatch.setenv("FENXIAO_CURRENCY", "USD")
    for command in (["run"], ["events", "list"], ["settle"]):
        said = fenxiao(*command)
        assert said.status == 1
        assert "FENXIAO_CURRENCY=CNY" in said.err


@pytest.mark.postgresql
@pytest.mark.parametrize("bare_database_url", ["postgresql"], indirect=True)
def test_another_schema_is_refused_with_what_to_do(
    fenxiao: Fenxiao, bare_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENXIAO_DATABASE_URL", bare_database_url)
    said = fenxiao("settle")
    assert said.status == 1
    assert "fenxiao migrate" in said.err
