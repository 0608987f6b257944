"""Where a link leads: to the shop, its code attached, after the visit has been written down.

People come first: if the database cannot be asked, or takes longer than PATIENCE_SECONDS, they are sent on all the same
and the visit is kept in memory until it can be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial
from time import monotonic
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict
from sqlalchemy.orm import Session

from bot import visitors
from bot.batching import Batcher
from bot.database import DatabaseUnavailable
from bot.web.metrics import Metrics
from bot.web.parts import Parts
from bot.web.ready import Ready, head_of
from bot.web.security import Callers
from domain.codes import is_code
from domain.mall import links, visits
from domain.mall.links import LinkTarget
from domain.mall.visits import NewVisit
from domain.periods import business_day, local_date

PATIENCE_SECONDS: Final = 1.0
KNOWN_SECONDS: Final = 60.0
UNKNOWN_SECONDS: Final = 5.0
MOST_REMEMBERED: Final = 50_000
MOST_KEPT: Final = 20_000
RETRY_SECONDS: Final = 2.0

# What may be attached although no link has it: nothing that could mean anything in an address.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger(__name__)


class Seen(NamedTuple):
    """Somebody following a link, before address and browser are hashed away."""

    link_id: int
    member_id: int
    at: datetime
    day: date
    address: str
    agent: str


class _Known(NamedTuple):
    """What is remembered of a code until then; `member` is 0 where there is no visit to be counted."""

    until: float
    link_id: int
    member: int
    location: str


class Addresses:
    """Where links lead: addresses of the shop that the settings name, and nowhere else."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._product = parts.shop.shop_url
        built_in = settings.shop_url is None and settings.shop_home_url is None
        self._home = f"{settings.public_url}/shop" if built_in else settings.shop_home
        self._code = _code_parameter(self._product)

    def of(self, target: LinkTarget) -> str:
        """Return where a link leads: the product's page, or the shop's front page for all other kinds."""
        if target.kind == "product":
            sku, code = quote(target.target, safe=""), quote(target.code, safe="")
            return self._product.replace("{sku}", sku).replace("{code}", code)
        return self.home(target.code)

    def home(self, code: str) -> str:
        """Return the shop's front page, with the code attached if it could be one."""
        if not _HARMLESS.fullmatch(code):
            return self._home
        return f"{self._home}{'&' if '?' in self._home else '?'}{self._code}={code}"


def _code_parameter(shop_url: str) -> str:
    """The name under which the shop's address takes a code; `ref` where it stands in the path."""
    return next((name for name, value in parse_qsl(urlsplit(shop_url).query) if value == "{code}"), "ref")


class Redirect:
    """`GET /r/{code}`."""

    def __init__(self, parts: Parts, metrics: Metrics, callers: Callers, headers: CIMultiDict[str]) -> None:
        self._parts = parts
        self._metrics = metrics
        self._callers = callers
        self._zone = parts.shop.timezone
        self._addresses = Addresses(parts)
        self._head = head_of({**headers, hdrs.CACHE_CONTROL: "no-store"})
        self._remembered: OrderedDict[str, _Known] = OrderedDict()
        self._salt: tuple[date, str] | None = None
        self._day: date = date.min
        self._day_ends: datetime | None = None
        self._batcher: Batcher[Seen, None] = Batcher(
            parts.database,
            self._record,
            on_group=lambda size: metrics.group("visits", size),
            not_written=self._keep,
        )
        self._kept: deque[Seen] = deque()
        self._retrying: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()  # until when, for what
        self._patience: asyncio.TimerHandle | None = None

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [
            web.get("/r/{code}", self.follow),  # HEAD as well
            web.get(r"/r{rest:/[\s\S]*|}", self.follow_nothing),
        ]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        code = request.match_info["code"]
        known = self._remembered.get(code)
        if known is None or known.until < monotonic():
            known = await self._look_up(code)
        if known.member and request.query_string != links.LOOK and visitors.is_visit(request.method, request.headers):
            await self._write_down(request, known)
        return self._leading_to(known.location)

    async def follow_nothing(self, request: web.Request) -> web.StreamResponse:
        return self._leading_to(self._addresses.home(""))

    async def _look_up(self, code: str) -> _Known:
        if not is_code(code):  # not remembered: anybody can make up as many of these as they like
            return _Known(0.0, 0, 0, self._addresses.home(code))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                target = await self._parts.database.read(lambda db: links.resolve(db, code))
        except (DatabaseUnavailable, TimeoutError):
            self._metrics.visits("unresolved")
            return _Known(0.0, 0, 0, self._addresses.home(code))
        if target is None:
            found = _Known(monotonic() + UNKNOWN_SECONDS, 0, 0, self._addresses.home(code))
        else:
            location = self._addresses.of(target)
            found = _Known(monotonic() + KNOWN_SECONDS, target.id, target.member or 0, location)
        self._remembered[code] = found
        self._remembered.move_to_end(code)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    def _leading_to(self, address: str) -> Ready:
        return Ready(302, f"{self._head}\r\nLocation: {address}")

    async def _write_down(self, request: web.Request, known: _Known) -> None:
        """Return once the visit is written durably, or is kept to be written later."""
        now = self._parts.clock()
        if self._day_ends is None or now >= self._day_ends:
            self._day = local_date(now, self._zone)
            self._day_ends = business_day(self._day, self._zone).end
        agent = request.headers.get(hdrs.USER_AGENT, "")
        seen = Seen(known.link_id, known.member, now, self._day, self._callers.address(request), agent)
        if self._kept:  # the database is in trouble: do not let anybody wait for it
            self._keep([seen])
            return
        try:
            if self._salt is None or self._salt[0] != self._day:
                await self._fetch_salt(self._day)
            written = self._batcher.put(seen)
        except DatabaseUnavailable:
            self._keep([seen])
            return
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        self._waiting.append((monotonic() + PATIENCE_SECONDS, written))
        if self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._let_go)
        with contextlib.suppress(DatabaseUnavailable):  # then it is kept by the batcher's `not_written`
            await written

    def _let_go(self) -> None:
        """Send on whoever has waited long enough. One timer for all: one each would cost more than a redirect may."""
        now, waiting = monotonic(), self._waiting
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            _, written = waiting.popleft()
            if not written.done():
                written.set_result(None)
        self._patience = None
        if waiting:
            self._patience = asyncio.get_running_loop().call_later(waiting[0][0] - now, self._let_go)

    async def _fetch_salt(self, day: date) -> None:
        """Keep the day's salt at hand once it is committed; that of the day before is forgotten."""
        salt = await self._parts.database.write(lambda db: visits.salt_of(db, day))
        self._salt = (day, salt)

    def _record(self, db: Session, group: Sequence[Seen]) -> list[None]:
        """Hash and write a group. Runs where the database is written, not on the loop."""
        salts = dict([self._salt] if self._salt else [])
        for day in {seen.day for seen in group} - salts.keys():
            salts[day] = visits.salt_of(db, day)
        visits.record_all(
            db,
            [
                NewVisit(
                    seen.link_id,
                    seen.member_id,
                    seen.day,
                    seen.at,
                    visits.visitor_of(salts[seen.day], seen.address, seen.agent),
                    visits.address_of(salts[seen.day], seen.address),
                    visitors.is_bot(seen.agent),
                )
                for seen in group
            ],
        )
        return [None] * len(group)

    def _keep(self, group: Sequence[Seen]) -> None:
        room = max(0, MOST_KEPT - len(self._kept))
        self._kept.extend(group[:room])
        self._metrics.visits("kept", min(room, len(group)))
        if len(group) > room:
            self._metrics.visits("lost", len(group) - room)
        if self._retrying is None:
            log.warning("visits.kept", kept=len(self._kept))
            self._retrying = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        """Write what was kept, the oldest first, as soon as the database lets us; `finish` does it a last time."""
        try:
            while self._kept and not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RETRY_SECONDS)
                    return
                with contextlib.suppress(DatabaseUnavailable):
                    await self._write_kept()
            if not self._kept:
                log.info("visits.kept_written")
        finally:
            self._retrying = None

    async def _write_kept(self) -> None:
        """What is being written is not among what is kept: nobody else may write it as well, and so count it twice."""
        while self._kept:
            group = [self._kept.popleft() for _ in range(min(len(self._kept), 500))]
            try:
                await self._parts.database.write(partial(self._record, group=group))
            except Exception:
                self._kept.extendleft(reversed(group))
                raise

    async def finish(self) -> None:
        """Write what is under way, and what was kept if that is possible now."""
        await self._batcher.finish()
        if self._patience is not None:
            self._patience.cancel()
        self._stopping.set()
        if self._retrying is not None:  # not cancelled: the database would go on with what it has begun
            await asyncio.wait([self._retrying])
        try:
            await self._write_kept()
        except DatabaseUnavailable:
            log.error("visits.lost", lost=len(self._kept))  # noqa: TRY400 - the reason was logged when it began
