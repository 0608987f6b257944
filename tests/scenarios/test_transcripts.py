"""Every story on every channel in both languages, beside what was read and found good: tests/scenarios/transcripts.

FENXIAO_WRITE_TRANSCRIPTS=1 writes them anew, to be read again before they are committed. The ordinary run plays each
story once on every channel; `--long` in the other language too.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest

from tests.scenarios import stories
from tests.scenarios.play import Script, difference, opened

FOLDER = Path(__file__).parent / "transcripts"
ANEW = "FENXIAO_WRITE_TRANSCRIPTS"
ORDINARY = {"telegram": "en", "wechat": "zh", "webchat": "zh"}
SCRIPTS: dict[str, Script] = {
    module.name: importlib.import_module(f"{stories.__name__}.{module.name}").story
    for module in pkgutil.iter_modules(stories.__path__)
}


def _played(channel: str, locale: str) -> object:
    """Each channel in one language, unless all of it is wanted or written anew."""
    is_long = locale != ORDINARY[channel] and not os.environ.get(ANEW)
    return pytest.param(channel, locale, marks=[pytest.mark.long] if is_long else [])


@pytest.mark.parametrize(("channel", "locale"), [_played(one, locale) for one in ORDINARY for locale in ("zh", "en")])
@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_story_reads_as_it_was_approved(sqlite_url: str, name: str, channel: str, locale: str):
    async with opened(sqlite_url, channel, locale) as play:
        await SCRIPTS[name](play)
        await play.mall.is_in_order()
    _compare(FOLDER / f"{name}.{channel}.{locale}.txt", play.transcript())


def test_there_is_no_transcript_of_a_story_that_is_gone():
    wanted = {f"{name}.{where}.{which}.txt" for name in SCRIPTS for where in ORDINARY for which in ("zh", "en")}
    assert {path.name for path in FOLDER.iterdir()} == wanted


def _compare(path: Path, now: str) -> None:
    if os.environ.get(ANEW):
        path.write_text(now, encoding="utf-8")
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if before != now:
        changed = difference(before, now, path.name)
        pytest.fail(f"{changed}\n\nIf it reads well so, write it anew with {ANEW}=1 and look at the difference.")
