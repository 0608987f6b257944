"""What may stand on a poster, in words that are ready to be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PosterSpec:
    """Everything that stands on a product poster, already worded in the reader's language.

    Empty strings are left out. `title` takes two lines, all else one or two; what is too long is cut with an ellipsis.
    A picture that cannot be read is replaced by a plain surface. No field may promise an income.
    """

    title: str
    price: str  # with its currency, as "¥258.00"
    link: str  # what the QR code says, at most 1,000 bytes
    code: str  # printed beneath the QR code
    name: str  # of the distributor
    invitation: str  # "邀请你一起逛全球好物"
    scan_hint: str  # "长按或扫码看看"
    shop: str = ""
    badge: str = ""  # a short word on the picture, as "热卖"
    points: tuple[str, ...] = ()  # selling points, shown where there is room
    price_note: str = ""  # "价格截至 2026-11-23"
    picture: bytes | None = None  # JPEG, PNG or WebP


@dataclass(frozen=True, slots=True)
class InvitePosterSpec:
    """Everything that stands on an invitation to a team or a shop; worded and cut as in `PosterSpec`."""

    title: str
    link: str
    code: str
    name: str
    invitation: str
    scan_hint: str
    shop: str = ""
    lines: tuple[str, ...] = ()  # up to four reasons to come
