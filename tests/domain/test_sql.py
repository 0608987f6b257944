"""Insert or leave, insert or change: alike on both databases."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import sql
from domain.schema import Brand


def _brands(db: Session) -> dict[str, str | None]:
    return {row.name: row.region for row in db.execute(select(Brand.name, Brand.region))}


def test_what_is_there_already_is_left_alone_and_only_the_new_comes_back(db: Session) -> None:
    sql.insert_ignore(db, Brand, [{"name": "HADA", "region": "A"}])
    new = sql.insert_ignore(
        db, Brand, [{"name": n, "region": "B"} for n in ("HADA", "LUNA", "MOMO")], returning=("name",)
    )
    assert sorted(row.name for row in new) == ["LUNA", "MOMO"]
    assert _brands(db) == {"HADA": "A", "LUNA": "B", "MOMO": "B"}


def test_what_is_there_already_is_changed_in_the_named_columns(db: Session) -> None:
    [first] = sql.insert_ignore(db, Brand, [{"name": "HADA", "region": "A"}], returning=("id",))
    rows = sql.upsert(
        db,
        Brand,
        [{"name": "HADA", "region": "C"}, {"name": "LUNA", "region": "D"}],
        key=["name"],
        change=["region"],
        returning=("id", "name"),
    )
    assert {row.name: row.id for row in rows}["HADA"] == first.id
    assert _brands(db) == {"HADA": "C", "LUNA": "D"}


def test_ten_thousand_rows_go_in_at_once(db: Session) -> None:
    rows = [{"name": f"brand {number}"} for number in range(10_000)]
    assert len(sql.insert_ignore(db, Brand, rows, returning=("id",))) == 10_000
    assert sql.insert_ignore(db, Brand, rows, returning=("id",)) == []


def test_a_long_list_is_cut_into_statements() -> None:
    assert [len(part) for part in sql.chunks(range(25_000))] == [10_000, 10_000, 5_000]
