"""What the log shows, and what it never shows."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from config.logging import Redactor, configure_logging

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
ANSWER = json.dumps({"access_token": "s3cr3t", "appsecret": "s3cr3t"})
TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_123"


@pytest.fixture(autouse=True)
def _leave_the_log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_json_line_on_standard_error(capsys: pytest.CaptureFixture[str]):
    configure_logging(True)
    structlog.get_logger("shop").info("withdrawal.requested", withdrawal_id=7, amount_minor=1000, note="第一行\n第二行")
    (line,) = lines(capsys)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "level": "info",
        "event": "withdrawal.requested",
        "logger": "shop",
        "withdrawal_id": 7,
        "amount_minor": 1000,
        "note": "第一行\n第二行",
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_reaches_the_log_from_us_or_from_a_library(as_json: bool, capsys: pytest.CaptureFixture[str]):
    configure_logging(as_json, secrets=["correct horse battery"])
    log = structlog.get_logger("shop")
    log.warning("telegram.refused", url=f"https://api.telegram.org/bot{TOKEN}/sendMessage", app_secret="s3cr3t")
    log.warning(
        "wechat.refused", request={"openid": OPENID, "to": [OPENID], "url": "/cgi-bin/x?access_token=s3cr3t&a=1"}
    )
    log.warning("hook.refused", headers={"Authorization": "Bearer s3cr3t-key"}, text="signed with whsec_s3cr3t+/=")
    logging.getLogger("telegram.request").warning("POST https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger("aiohttp.server").error("cannot reach postgresql://fenxiao:s3cr3t@db/shop: correct horse battery")
    try:
        raise RuntimeError(f"{ANSWER} for {OPENID}")
    except RuntimeError:
        log.exception("job.failed", job="settlement")
    shown = capsys.readouterr().err
    for secret in (TOKEN, TOKEN.split(":")[1], "s3cr3t", OPENID, "correct horse"):
        assert secret not in shown
    assert "a=1" in shown
    assert "settlement" in shown


def test_libraries_are_heard_from_warnings_up_even_when_everything_else_is_debugged(capsys: pytest.CaptureFixture[str]):
    configure_logging(True, "debug")
    logging.getLogger("httpx").info("HTTP Request: POST https://example.com")
    logging.getLogger("aiohttp.access").info("GET /r/k3J9xQ")
    logging.getLogger("telegram.ext").warning("network is slow")
    structlog.get_logger().debug("visit.recorded")
    assert [line["event"] for line in lines(capsys)] == ["network is slow", "visit.recorded"]


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]):
    configure_logging(True)
    configure_logging(True, "warning")
    structlog.get_logger().info("left.out")
    structlog.get_logger().warning("shown.once")
    assert [line["event"] for line in lines(capsys)] == ["shown.once"]


@pytest.mark.parametrize(
    "plain",
    [
        "order A-1001 paid, 25800 CNY, ref k3J9xQ",
        "task t-7 done at 2026-11-23T02:00:00Z by member m-3",
        "http://localhost:8080/r/k3J9xQ",
        "outbox.sent 20000 of 20000",
    ],
)
def test_what_is_no_secret_stays_readable(plain: str):
    assert Redactor(["abc"]).text(plain) == plain
