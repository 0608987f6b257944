"""What an operator is told about wrong settings, and what follows from right ones."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config import settings as module
from config.settings import (
    DEFAULT_DATABASE_URL,
    SettingsInvalid,
    demo_wanted,
    example_env,
    load_settings,
    variables,
)
from config.shapes import ROOT

HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WECHAT = {
    "FENXIAO_WECHAT__APP_ID": "wx0123456789abcdef",
    "FENXIAO_WECHAT__APP_SECRET": "0123456789abcdef0123456789abcdef",
    "FENXIAO_WECHAT__TOKEN": "gate-word",
}


def problems(**wrong: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        load_settings({f"FENXIAO_{name}": value for name, value in wrong.items()})
    return str(refused.value).splitlines()


def test_nothing_needs_to_be_set():
    settings = load_settings({})
    assert settings.sqlalchemy_url == f"sqlite:///{ROOT}/var/fenxiao.db"
    assert settings.public_url == settings.shop_home == "http://localhost:8080"
    assert (settings.locale, settings.currency, settings.timezone) == ("zh", "CNY", ZoneInfo("Asia/Shanghai"))
    assert (settings.withdrawal.minimum, settings.withdrawal.fee_bp, settings.telegram.rate) == (1000, 0, 30)
    assert not settings.telegram_on
    assert not settings.wechat_on


def test_all_wrong_values_are_reported_at_once_one_line_each_in_a_fixed_order():
    lines = problems(
        PORT="eighty",
        LOCALE="fr",
        CURRENCY="RMB",
        TIMEZONE="Asia/Peking",
        TELEGRAM__RATE="0",
        WITHDRAWAL__FEE_BP="10001",
        TRUSTED_PROXIES="10.0.0.0/8, proxy",
        DATABASE_URL="mysql://h/d",
    )
    assert lines == sorted(lines)
    assert [line.split(":")[0].removeprefix("FENXIAO_") for line in lines] == [
        "CURRENCY",
        "DATABASE_URL",
        "LOCALE",
        "PORT",
        "TELEGRAM__RATE",
        "TIMEZONE",
        "TRUSTED_PROXIES",
        "WITHDRAWAL__FEE_BP",
    ]
    assert lines[0] == "FENXIAO_CURRENCY: 'RMB' is not an ISO 4217 currency code in capitals; right is for example: CNY"
    assert lines[3] == "FENXIAO_PORT: is not a whole number; right is for example: 8080"


def test_a_misspelt_variable_is_not_silently_ignored():
    assert problems(TELEGRAM__TOKN="1:a", SOMETHING_ELSE="x") == [
        "FENXIAO_SOMETHING_ELSE: there is no such setting; config/example.env lists those there are",
        "FENXIAO_TELEGRAM__TOKN: there is no such setting; did you mean FENXIAO_TELEGRAM__TOKEN?",
    ]


def test_other_programs_variables_and_those_of_the_test_suite_are_left_alone():
    load_settings({"PORT": "x", "FENXIAOX": "y", "FENXIAO_TEST_POSTGRES_URL": "postgresql:///t"})


def test_an_empty_value_counts_as_not_set():
    settings = load_settings({"FENXIAO_PORT": "", "FENXIAO_TELEGRAM__TOKEN": " ", "FENXIAO_PUBLIC_URL": ""})
    assert settings.port == 8080
    assert demo_wanted(settings)


@pytest.mark.parametrize("left_out", WECHAT)
def test_half_a_wechat_account_is_reported_by_what_is_missing(left_out: str):
    with pytest.raises(SettingsInvalid) as refused:
        load_settings({name: value for name, value in WECHAT.items() if name != left_out})
    (line,) = refused.value.problems
    assert line.startswith(f"{left_out}: missing, but FENXIAO_WECHAT__")


def test_half_a_payout_account_is_reported_together_with_other_mistakes(tmp_path: Path):
    lines = problems(WECHATPAY__MERCHANT_ID="1900000001", WECHATPAY__KEY_FILE=str(tmp_path / "absent.pem"))
    assert [line.split(";")[0] for line in lines] == [
        "FENXIAO_WECHATPAY__API_KEY: missing, but FENXIAO_WECHATPAY__MERCHANT_ID is set",
        "FENXIAO_WECHATPAY__CERTIFICATE_SERIAL: missing, but FENXIAO_WECHATPAY__MERCHANT_ID is set",
        "FENXIAO_WECHATPAY__KEY_FILE: names no file",
    ]


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("TELEGRAM__TOKEN", "s3cr3t-without-digits"),
        ("TELEGRAM__WEBHOOK_SECRET", "s3cr3t with blanks"),
        ("WECHAT__AES_KEY", "s3cr3t"),
        ("HOOK_SECRETS", f"{HOOK_SECRET},whsec_s3cr3t"),
        ("HOOK_SECRETS", "s3cr3t"),
        ("WECHATPAY__API_KEY", "s3cr3t"),
        ("DATABASE_URL", "postgresql://fenxiao:s3cr3t@host:99999/x"),
        ("DATABASE_URL", "postgres://fenxiao:s3cr3t@host/x"),
    ],
)
def test_a_wrong_secret_is_named_but_not_shown(variable: str, wrong: str):
    lines = problems(**{variable: wrong})
    assert lines[0].startswith(f"FENXIAO_{variable}: ") or variable == "WECHATPAY__API_KEY"
    assert "s3cr3t" not in "\n".join(lines)


def test_right_secrets_do_not_show_in_repr_and_are_known_to_the_log():
    url = "postgresql://fenxiao:pa55word@db.example.com/shop"
    given = {
        **WECHAT,
        "FENXIAO_DATABASE_URL": url,
        "FENXIAO_HOOK_SECRETS": HOOK_SECRET,
        "FENXIAO_TELEGRAM__TOKEN": "42:abc-DEF",
    }
    settings = load_settings(given)
    secrets = {url, HOOK_SECRET, "42:abc-DEF", WECHAT["FENXIAO_WECHAT__APP_SECRET"], WECHAT["FENXIAO_WECHAT__TOKEN"]}
    assert set(settings.secrets()) == secrets
    assert not any(secret in repr(settings) + str(settings) for secret in secrets)
    assert settings.sqlalchemy_url == url.replace("postgresql:", "postgresql+psycopg:")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8080",
        "ftp://example.com",
        "https://",
        "https://user@example.com",
        "https://example.com?x=1",
        "https://exa mple.com",
        "https://example.com\\@evil.com",
        "https://example.com:port",
    ],
)
def test_an_address_that_links_cannot_begin_with_is_refused(url: str):
    (line,) = problems(PUBLIC_URL=url)
    assert line.startswith("FENXIAO_PUBLIC_URL: ")


@pytest.mark.parametrize(
    "url", ["https://{code}.example.com/", "https://shop.example.com/{member}", "javascript:{sku}"]
)
def test_a_shop_address_leads_to_one_host_and_knows_two_placeholders(url: str):
    (line,) = problems(SHOP_URL=url)
    assert line.startswith("FENXIAO_SHOP_URL: ")


def test_links_without_a_product_lead_to_the_origin_of_the_shop():
    shop = {"FENXIAO_SHOP_URL": "https://shop.example.com:8443/p/{sku}?ref={code}"}
    assert load_settings(shop).shop_home == "https://shop.example.com:8443"
    assert (
        load_settings({**shop, "FENXIAO_SHOP_HOME_URL": "https://example.com/cn/"}).shop_home
        == "https://example.com/cn"
    )


def test_proxies_and_rotated_hook_secrets_are_lists_with_commas():
    settings = load_settings(
        {
            "FENXIAO_TRUSTED_PROXIES": "127.0.0.1, 10.1.2.3/8,::1",
            "FENXIAO_HOOK_SECRETS": f"{HOOK_SECRET} ,{HOOK_SECRET},",
        }
    )
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]
    assert len(settings.hook_secrets) == 2


def test_template_messages_come_as_json():
    templates = '{"commission_earned": {"template_id": "AbC1", "fields": {"amount3": "amount"}}}'
    settings = load_settings({"FENXIAO_WECHAT__TEMPLATES": templates})
    assert settings.wechat.templates["commission_earned"].fields == {"amount3": "amount"}
    (line,) = problems(WECHAT__TEMPLATES='{"commission_earned": {"fields": {}}}')
    assert line.startswith("FENXIAO_WECHAT__TEMPLATES: commission_earned.template_id: is missing; ")
    (line,) = problems(WECHAT__TEMPLATES="{")
    assert line.startswith("FENXIAO_WECHAT__TEMPLATES: is not JSON; ")


def test_another_port_moves_the_address_of_a_shop_that_has_no_other():
    assert load_settings({"FENXIAO_PORT": "9000"}).public_url == "http://localhost:9000"


@pytest.mark.parametrize(
    "real",
    [
        {"FENXIAO_DATABASE_URL": "sqlite:///var/real.db"},
        {"FENXIAO_DATABASE_URL": "postgresql:///shop"},
        {"FENXIAO_TELEGRAM__TOKEN": "42:abc"},
        {"FENXIAO_HOOK_SECRETS": HOOK_SECRET},
        {"FENXIAO_PUBLIC_URL": "http://localhost:8080"},
        WECHAT,
    ],
)
def test_anything_real_keeps_the_demo_away_unless_it_is_asked_for(real: dict[str, str]):
    assert not demo_wanted(load_settings(real))
    assert demo_wanted(load_settings({**real, "FENXIAO_DEMO": "on"}))


def test_a_demo_comes_by_itself_where_nothing_real_is_set_and_can_be_declined():
    assert demo_wanted(load_settings({"FENXIAO_PORT": "9000", "FENXIAO_LOCALE": "en"}))
    assert demo_wanted(load_settings({"FENXIAO_DATABASE_URL": DEFAULT_DATABASE_URL}))
    assert not demo_wanted(load_settings({"FENXIAO_DEMO": "off"}))


def test_a_relative_path_is_taken_from_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".env").write_text(
        "FENXIAO_DATABASE_URL=sqlite:///data/shop.db\nFENXIAO_LOCALE=en\n", encoding="utf-8-sig"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr("config.shapes.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    assert load_settings().sqlalchemy_url == f"sqlite:///{tmp_path}/data/shop.db"
    assert load_settings().locale == "en"
    monkeypatch.setenv("FENXIAO_DATABASE_URL", "sqlite:///shop.db")
    assert load_settings().sqlalchemy_url == f"sqlite:///{tmp_path}/elsewhere/shop.db"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host", "shop.db"])
def test_a_database_that_cannot_be_shared_or_has_no_name_is_refused(url: str):
    (line,) = problems(DATABASE_URL=url)
    assert line.startswith("FENXIAO_DATABASE_URL: ")


def test_the_example_file_lists_every_variable_with_one_line_about_it():
    assert (ROOT / "config" / "example.env").read_text(encoding="utf-8") == example_env(), (
        "renew it with: .venv/bin/python -m config.settings"
    )
    assert all(variable.meaning and variable.example for variable in variables().values())


def test_the_example_file_as_it_stands_is_a_valid_environment():
    lines = [line.removeprefix("#") for line in example_env().splitlines() if line.startswith("#FENXIAO_")]
    load_settings(dict(line.split("=", 1) for line in lines))
