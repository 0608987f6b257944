"""The calls of WeChat's server API that a shop's account makes, each with the checks that the real one makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.wechat_wire import TEXT_LIMIT_BYTES, plain

if TYPE_CHECKING:
    from tests.fakes.wechat import FakeWeChat
    from tests.fakes.wechat_person import Person

Params = dict[str, Any]
Method = Callable[["FakeWeChat", Params], Params]
METHODS: dict[str, Method] = {}

MEDIA_LIFE = timedelta(days=3)
IMAGE_LIMIT_BYTES = 2 * 1024 * 1024
TEMPLATE_MEMORY = timedelta(minutes=10)
MASS_MEMORY = timedelta(hours=24)
MASS_PER_MONTH = 4
QR_LIFE_LIMIT_SECONDS = 2_592_000
OK: Params = {"errcode": 0, "errmsg": "ok"}


class Refusal(Exception):
    """The platform's no: an error code with its words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code} {words}")
        self.code = code
        self.words = words


def method(path: str) -> Callable[[Method], Method]:
    def keep(function: Method) -> Method:
        METHODS[path] = function
        return function

    return keep


@method("message/custom/send")
def customer_message(fake: FakeWeChat, p: Params) -> Params:
    person = _person(fake, p.get("touser"))
    fake.customer_tries += 1
    kind, content = str(p.get("msgtype")), p.get(str(p.get("msgtype"))) or {}
    text, more = _content(fake, kind, content)
    window = person.window() if person.is_follower else "shut"
    if window == "shut":
        raise Refusal(45015, "response out of time limit or subscription is canceled")
    if window == "used up":
        raise Refusal(45047, "out of response count limit")
    person.receives("customer", kind, text, **more)
    fake.accept({"via": "customer", "openid": person.openid, "text": text, "at": fake.now().isoformat()})
    return OK


@method("message/template/send")
def template_message(fake: FakeWeChat, p: Params) -> Params:
    person = _person(fake, p.get("touser"))
    fields = fake.templates.get(str(p.get("template_id")))
    if fields is None:
        raise Refusal(40037, "invalid template_id")
    data = p.get("data") or {}
    values = {name: str((data.get(name) or {}).get("value") or "") for name in fields}
    missing = [name for name, value in values.items() if not value.strip()]
    if missing:
        raise Refusal(47003, f"argument invalid! data.{missing[0]}.value is empty")
    if not person.is_follower:
        raise Refusal(43004, "require subscribe")
    key = f"{person.openid} {p['client_msg_id']}" if p.get("client_msg_id") else ""
    if known := fake.remembered("template", key, TEMPLATE_MEMORY):
        return OK | {"msgid": known}
    msgid = fake.next_message_id()
    fake.remember("template", key, msgid)
    person.receives("template", "template", "\n".join(f"{name}: {value}" for name, value in values.items()))
    fake.accept({"via": "template", "openid": person.openid, "data": values, "at": fake.now().isoformat()})
    return OK | {"msgid": msgid}


@method("message/subscribe/bizsend")
def subscription_notice(fake: FakeWeChat, p: Params) -> Params:
    person = _person(fake, p.get("touser"))
    template = str(p.get("template_id"))
    fields = fake.templates.get(template)
    if fields is None:
        raise Refusal(40037, "invalid template_id")
    data = p.get("data") or {}
    values = {name: str((data.get(name) or {}).get("value") or "") for name in fields}
    if not all(value.strip() for value in values.values()):
        raise Refusal(47003, "argument invalid!")
    if person.consents.get(template, 0) < 1:
        raise Refusal(43101, "user refuse to accept the msg")
    person.consents[template] -= 1
    person.receives("subscription", "template", "\n".join(f"{name}: {value}" for name, value in values.items()))
    fake.accept({"via": "subscription", "openid": person.openid, "data": values, "at": fake.now().isoformat()})
    return OK


@method("message/mass/send")
def mass_message(fake: FakeWeChat, p: Params) -> Params:
    openids = p.get("touser")
    if not isinstance(openids, list) or not 2 <= len(openids) <= 10_000:
        raise Refusal(40130, "invalid openid list size, at least two openid")
    kind = str(p.get("msgtype"))
    text, more = _content(fake, kind, p.get(kind) or {})
    key = str(p.get("clientmsgid") or "")
    if known := fake.remembered("mass", key, MASS_MEMORY):
        return {"errcode": 45065, "errmsg": "clientmsgid exist", "msg_id": known}
    msg_id = fake.next_message_id()
    fake.remember("mass", key, msg_id)
    fake.mass_sent[msg_id] = 0
    month = fake.now().strftime("%Y-%m")
    for person in (fake.people.get(openid) for openid in openids):
        # Who has had four this month or does not follow is left out without a word.
        if person and person.is_follower and person.mass_this_month.get(month, 0) < MASS_PER_MONTH:
            person.mass_this_month[month] = person.mass_this_month.get(month, 0) + 1
            fake.mass_sent[msg_id] += 1
            person.receives("mass", kind, text, **more)
            fake.accept({"via": "mass", "openid": person.openid, "text": text, "at": fake.now().isoformat()})
    return {"errcode": 0, "errmsg": "send job submission success", "msg_id": msg_id, "msg_data_id": msg_id}


@method("media/upload")
def upload(fake: FakeWeChat, p: Params) -> Params:
    data = p.get("media")
    if p.get("type") != "image":
        raise Refusal(40004, "invalid media type")
    if not isinstance(data, bytes) or not data:
        raise Refusal(41005, "media data missing")
    if not data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM")):
        raise Refusal(40113, "unsupported file type")
    if len(data) > IMAGE_LIMIT_BYTES:
        raise Refusal(40009, "invalid image size")
    return {"type": "image", "media_id": fake.store_media(data), "created_at": int(fake.now().timestamp())}


@method("menu/create")
def create_menu(fake: FakeWeChat, p: Params) -> Params:
    top = p.get("button")
    if not isinstance(top, list) or not 1 <= len(top) <= 3:
        raise Refusal(40016, "invalid button size")
    for button in top:
        below = button.get("sub_button") or []
        if len(below) > 5:
            raise Refusal(40023, "invalid sub button size")
        _check_button(button, 16, is_leaf=not below)
        for entry in below:
            _check_button(entry, 60, is_leaf=True)
    fake.menu = top
    return OK


@method("menu/get")
def get_menu(fake: FakeWeChat, p: Params) -> Params:
    if not fake.menu:
        raise Refusal(46003, "menu no exist")
    return {"menu": {"button": fake.menu}}


@method("menu/delete")
def delete_menu(fake: FakeWeChat, p: Params) -> Params:
    fake.menu = []
    return OK


@method("qrcode/create")
def create_qrcode(fake: FakeWeChat, p: Params) -> Params:
    kind = p.get("action_name")
    given = (p.get("action_info") or {}).get("scene") or {}
    scene = str(given.get("scene_str") or given.get("scene_id") or "")
    if kind not in ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"):
        raise Refusal(40053, "invalid action info")
    if not 1 <= len(scene) <= 64:
        raise Refusal(40053, "invalid action info: scene must have 1 to 64 characters")
    number = len(fake.scenes) + 1
    url = f"http://weixin.qq.com/q/{number:08}"
    fake.scenes[url] = scene
    answer: Params = {"ticket": f"ticket-{number}", "url": url}
    if not str(kind).startswith("QR_LIMIT"):
        life = int(p.get("expire_seconds") or 60)
        if not 1 <= life <= QR_LIFE_LIMIT_SECONDS:
            raise Refusal(40052, "invalid expire_seconds")
        answer["expire_seconds"] = life
    return answer


@method("user/info")
def user_info(fake: FakeWeChat, p: Params) -> Params:
    person = _person(fake, p.get("openid"))
    if not person.is_follower:
        return {"subscribe": 0, "openid": person.openid}
    return {"subscribe": 1, "openid": person.openid, "language": "zh_CN", "remark": "", "tagid_list": []}


def _person(fake: FakeWeChat, openid: object) -> Person:
    person = fake.people.get(str(openid or ""))
    if person is None:
        raise Refusal(40003, "invalid openid")
    return person


def _content(fake: FakeWeChat, kind: str, content: Params) -> tuple[str, Params]:
    if kind == "text":
        text = str(content.get("content") or "")
        if not plain(text).strip():
            raise Refusal(44004, "empty content")
        if len(text.encode()) > TEXT_LIMIT_BYTES:
            raise Refusal(45002, "content size out of limit")
        return text, {}
    if kind == "image":
        return "", {"picture": fake.media_of(str(content.get("media_id")))}
    if kind == "news":
        articles = content.get("articles") or []
        if len(articles) != 1:
            raise Refusal(45008, "article size out of limit")
        card = {"Title": articles[0].get("title", ""), "Url": articles[0].get("url", "")}
        return f"{card['Title']}\n{articles[0].get('description', '')}", {"articles": [card]}
    raise Refusal(40008, "invalid message type")


def _check_button(button: Params, name_limit_bytes: int, *, is_leaf: bool) -> None:
    if not 1 <= len(str(button.get("name") or "").encode()) <= name_limit_bytes:
        raise Refusal(40018, f"invalid button name size: {button.get('name')!r} has more than {name_limit_bytes} bytes")
    if not is_leaf:
        return
    if button.get("type") == "view":
        if not 1 <= len(str(button.get("url") or "").encode()) <= 1024:
            raise Refusal(40020, "invalid button url size")
    elif button.get("type") == "click":
        if not 1 <= len(str(button.get("key") or "").encode()) <= 128:
            raise Refusal(40019, "invalid button key size")
    else:
        raise Refusal(40017, "invalid button type")
