"""From "a poster for this link" to the picture: looked up, drawn off the loop, and only for whom it belongs to."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from bot.channels.outgoing import NotSent, Timeouts, Unanswered, Wire
from bot.database import Database
from bot.rendering import Texts
from domain.demo import goods as demo_goods
from domain.errors import NotFound
from domain.mall import catalog, links
from domain.mall.catalog import ProductRow
from domain.messages import conversations
from domain.money import Money
from domain.periods import local_date
from domain.wording import Words, words
from handlers.routing import Picture, Shop

log = structlog.get_logger()

KEPT_BYTES: Final = 24 * 1024 * 1024
PHOTO_LIMIT_BYTES: Final = 8 * 1024 * 1024
PHOTO_SIDE: Final = 1280
PHOTO_PIXELS: Final = 40_000_000
FETCH: Final = Timeouts(connect=2.0, upload=1.0, answer=3.0)
POINTS: Final = 3
_THREADS: Final = 2

# What a product is drawn as where nobody has photographed it: the first word that its category contains.
_DRAWN_AS: Final[Mapping[str, str]] = {
    "护肤": "serum", "skin": "serum", "彩妆": "lipstick", "makeup": "lipstick", "香水": "perfume", "perfume": "perfume",
    "母婴": "milk_powder", "baby": "milk_powder", "营养": "vitamins", "health": "vitamins", "保健": "vitamins",
    "咖啡": "coffee", "coffee": "coffee", "酒": "wine", "wine": "wine", "茶": "tea", "tea": "tea", "食": "chocolate",
    "food": "chocolate", "家电": "rice_cooker", "appliance": "rice_cooker", "家": "thermos", "home": "thermos",
    "数码": "headphones", "电": "headphones", "electronic": "headphones", "鞋": "shoe", "shoe": "shoe",
    "包": "backpack", "bag": "backpack", "表": "watch", "watch": "watch",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Painted:
    """A finished picture. `key` names its content: equal keys, equal pictures."""

    data: bytes
    content_type: str
    key: str

    @property
    def filename(self) -> str:
        return "picture.png" if self.content_type == "image/png" else "picture.jpg"


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the record says about a picture: the product on it, the link behind it, the name beneath it."""

    product: ProductRow | None = None
    code: str = ""
    name: str = ""


class Painter:
    """Paints for all channels. Pictures are kept by their content, so nothing stale is ever shown."""

    def __init__(
        self,
        database: Database,
        texts: Texts,
        shop: Shop,
        clock: Callable[[], datetime],
        *,
        own_picture: Callable[[ProductRow], bytes | None] | None = None,
    ) -> None:
        """`own_picture` draws or reads pictures whose address begins with `/`, those of our own pages."""
        self._database = database
        self._texts = texts
        self._shop = shop
        self._clock = clock
        self._own_picture = own_picture or drawn
        self._kept = Kept(KEPT_BYTES)
        self._wire = Wire("", connections=8)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="paint")

    async def close(self) -> None:
        await self._wire.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def prepare(self, kind: str) -> None:
        """Load what pictures of this kind are drawn with, off the loop, while the reader still looks at the screen.

        Not before: for charts it comes to 40 MB and more, which a program at rest should not hold.
        """
        if kind == "traffic":
            self._threads.submit(_load_charts)

    async def paint(self, picture: Picture, locale: str, contact_id: int) -> Painted:
        """Return the picture as the person of this contact may see it, its words in `locale`.

        Raises NotFound for a picture of what is not there or not theirs, and for a photo that cannot be had.
        """
        match picture.kind:
            case "product":
                subject = await self._database.read(partial(_product, picture=picture))
                return await self._photo(subject)
            case "poster" | "invite_poster":
                subject = await self._database.read(partial(_link, picture=picture, contact_id=contact_id))
                photo = (await self._photo(subject)).data if subject.product else None
                draw = partial(self._invite_poster, subject, locale, str(picture.params.get("scan") or ""))
                if subject.product is not None:
                    draw = partial(self._poster, subject, subject.product, photo, locale)
                return await self._in_thread(draw)
            case "traffic":
                return await self._in_thread(partial(self._chart, picture.params, locale))
            case "week":
                return await self._in_thread(partial(self._week, picture.params, locale))
            case "url":
                return await self._fetched(str(picture.params.get("url", "")))
        raise NotFound()

    async def _photo(self, subject: _Subject) -> Painted:
        """The product's own photo; a drawing where there is none or it cannot be had."""
        product = subject.product
        assert product is not None
        address = product.image_url or ""
        if address.startswith(("https://", "http://")):
            try:
                return await self._fetched(address)
            except NotFound:
                log.warning("picture.not_had", sku=product.sku)
        key = f"own:{product.sku}:{address}:{product.brand}:{product.category}"
        return await self._in_thread(partial(self._kept.get, key, partial(self._own, product)))

    def _own(self, product: ProductRow) -> Painted:
        return _painted(self._own_picture(product) or drawn(product))

    async def _fetched(self, address: str) -> Painted:
        if not address.startswith(("https://", "http://")):
            raise NotFound()
        hour = f"{self._clock():%Y%m%d%H}"  # a photo that was changed at its place is seen within the hour
        key = f"photo:{hour}:{address}"
        known = self._kept.find(key)
        if known is not None:
            return known
        try:
            status, raw = await self._wire.call("GET", address, limits=FETCH, limit_bytes=PHOTO_LIMIT_BYTES)
        except (NotSent, Unanswered, ValueError):
            raise NotFound() from None
        if status != 200:
            raise NotFound()
        return await self._in_thread(partial(self._kept.get, key, partial(_normal, raw)))

    def _poster(self, subject: _Subject, product: ProductRow, photo: bytes | None, locale: str) -> Painted:
        from bot.pictures.posters import PosterSpec, poster_key, product_poster

        day = local_date(self._clock(), self._shop.timezone)
        spec = PosterSpec(
            title=product.title(locale),
            price=self._say(words("as_is", text=Money(product.price, product.currency)), locale),
            link=links.url(self._shop.public_url, subject.code),
            code=subject.code,
            name=subject.name,
            invitation=self._say(words("poster.invitation"), locale),
            scan_hint=self._say(words("poster.scan_hint"), locale),
            shop=self._say(words("poster.shop"), locale),
            badge=self._say(words("poster.badge_hot"), locale) if product.hot else "",
            points=tuple(product.points(locale)[:POINTS]),
            price_note=self._say(words("poster.price_note", day=day), locale),
            picture=photo,
        )
        return self._kept.get(poster_key(spec), lambda: _painted(product_poster(spec)))

    def _invite_poster(self, subject: _Subject, locale: str, scan: str) -> Painted:
        """The invitation; `scan` is what its QR code leads to, where a platform has a way of its own."""
        from bot.pictures.posters import InvitePosterSpec, invite_poster, poster_key

        spec = InvitePosterSpec(
            title=self._say(words("invite_poster.title"), locale),
            link=scan or links.join_url(self._shop.public_url, subject.code),
            code=subject.code,
            name=subject.name,
            invitation=self._say(words("invite_poster.invitation"), locale),
            scan_hint=self._say(words("invite_poster.scan_hint"), locale),
            shop=self._say(words("poster.shop"), locale),
            lines=tuple(self._say(words("invite_poster.lines"), locale).splitlines()),
        )
        return self._kept.get(poster_key(spec), lambda: _painted(invite_poster(spec)))

    def _chart(self, params: Mapping[str, object], locale: str) -> Painted:
        from bot.pictures.charts import TrafficLabels, traffic_chart

        days, visits, visitors, orders = (_list(params, name) for name in ("days", "visits", "visitors", "orders"))
        if not all(isinstance(day, date) for day in days) or {len(visits), len(visitors), len(orders)} != {len(days)}:
            raise NotFound()
        labels = TrafficLabels(
            visits=self._say(words("chart.visits"), locale),
            unique_visitors=self._say(words("chart.visitors"), locale),
            orders=self._say(words("chart.orders"), locale),
            nothing_yet=self._say(words("chart.nothing"), locale),
        )
        title = self._say(words("chart.title"), locale)
        key = f"traffic:{locale}:{days}:{visits}:{visitors}:{orders}:{title}:{labels}"

        def draw() -> Painted:
            return _painted(traffic_chart(days, visits, visitors, orders, title=title, labels=labels, locale=locale))

        return self._kept.get(key, draw)

    def _week(self, params: Mapping[str, object], locale: str) -> Painted:
        from bot.pictures.week_chart import WeekLabels, week_chart

        days, *figures = (_list(params, name) for name in ("days", "visitors", "before", "orders"))
        if not all(isinstance(day, date) for day in days) or any(len(one) != len(days) for one in figures):
            raise NotFound()
        labels = WeekLabels(
            *(self._say(words(f"chart.week.{name}"), locale) for name in ("visitors", "before", "orders", "nothing"))
        )
        title = self._say(words("chart.week.title"), locale)
        visitors, before, orders = figures
        key = f"week:{locale}:{days}:{figures}:{title}:{labels}"

        def draw() -> Painted:
            return _painted(week_chart(days, visitors, before, orders, title=title, labels=labels, locale=locale))

        return self._kept.get(key, draw)

    def _say(self, said: Words, locale: str) -> str:
        return self._texts.say(said, locale)

    async def _in_thread(self, draw: Callable[[], Painted]) -> Painted:
        return await asyncio.get_running_loop().run_in_executor(self._threads, draw)


def _load_charts() -> None:
    from bot.pictures import charts

    charts.load()


def _product(db: Session, *, picture: Picture) -> _Subject:
    return _Subject(product=catalog.product(db, str(picture.params.get("sku", ""))))


def _link(db: Session, *, picture: Picture, contact_id: int) -> _Subject:
    """The link of a poster, if it is this person's own; anybody else's is answered like a missing one."""
    found = links.resolve(db, str(picture.params.get("link", "")))
    person = conversations.member_of(db, contact_id)
    if found is None or person is None or found.member != person.member:
        raise NotFound()
    product = catalog.product(db, found.target) if found.kind == "product" else None
    if (picture.kind == "poster") != (product is not None):
        raise NotFound()
    return _Subject(product, found.code, person.name)


def drawn(product: ProductRow) -> bytes:
    """Draw a product that nobody has photographed: the demo's goods as described, others by their category."""
    from bot.pictures.product_art import draw_product

    if (product.image_url or "").startswith(demo_goods.PICTURES) and (one := demo_goods.products().get(product.sku)):
        return draw_product(one.kind, one.label, one.colour)
    category = (product.category or "").lower()
    kind = next((kind for word, kind in _DRAWN_AS.items() if word in category), "gift_box")
    seed = int.from_bytes(hashlib.sha256(product.sku.encode("utf-8", "replace")).digest()[:4])
    return draw_product(kind, product.brand or product.name, seed)


def _normal(raw: bytes) -> Painted:
    """A photo from elsewhere as a JPEG of a sensible size; NotFound for what is none."""
    from io import BytesIO

    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(raw), formats=("JPEG", "PNG", "WEBP")) as opened:
            if opened.width * opened.height > PHOTO_PIXELS:
                raise NotFound()
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise NotFound() from None
    upright.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    flat = Image.new("RGB", upright.size, "white")
    flat.paste(upright, mask=upright.getchannel("A"))
    out = BytesIO()
    flat.save(out, "JPEG", quality=88)
    return _painted(out.getvalue())


def _painted(data: bytes) -> Painted:
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return Painted(data, kind, hashlib.sha256(data).hexdigest()[:32])


def _list(params: Mapping[str, object], name: str) -> Sequence[Any]:
    value = params.get(name)
    return value if isinstance(value, list | tuple) else ()


class Kept:
    """Finished pictures by what made them; those unused for longest go when `limit` bytes are exceeded."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Painted] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, key: str) -> Painted | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def get(self, key: str, make: Callable[[], Painted]) -> Painted:
        """Return the picture kept under `key`, made now if need be."""
        known = self.find(key)
        if known is not None:
            return known
        made = make()  # outside the lock: two threads may make the same one, which only costs time
        with self._lock:
            if key not in self._held:
                self._held[key] = made
                self._bytes += len(made.data)
            while self._bytes > self._limit and len(self._held) > 1:
                self._bytes -= len(self._held.popitem(last=False)[1].data)
        return made
