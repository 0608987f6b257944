"""Settings that belong together, one group per outside party: withdrawals, WeChat Pay, Telegram, WeChat."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, SecretStr

from config import shapes
from config.shapes import WebAddress

Secret = Annotated[SecretStr, Field(min_length=1)]


class Group(BaseModel):
    """Settings that share the first half of their names."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class WithdrawalSettings(Group):
    minimum: int = Field(
        1000, ge=1, le=10**15, description="smallest withdrawal, in minor units of the currency", examples=["1000"]
    )
    fee_bp: int = Field(0, ge=0, le=10_000, description="withdrawal fee in basis points", examples=["60"])
    tax: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9_]*$", description="name of the withholding method", examples=["labour_income"]
    )
    two_person_above: int | None = Field(
        None, ge=0, le=10**15, description="above this amount (minor units) two people approve", examples=["500000"]
    )


class TelegramSettings(Group):
    token: Annotated[SecretStr, AfterValidator(shapes.telegram_token)] | None = Field(
        None, description="the bot's token; without it the channel is off", examples=["123456:ABC-DEF1234ghIkl"]
    )
    api_url: WebAddress = Field(
        "https://api.telegram.org", description="Bot API server", examples=["https://api.telegram.org"]
    )
    webhook_secret: Annotated[SecretStr, AfterValidator(shapes.webhook_secret)] | None = Field(
        None, description="set: webhook at /telegram; not set: long polling", examples=["a-long-random-word"]
    )
    rate: float = Field(
        30, gt=0, le=10_000, allow_inf_nan=False, description="messages per second over all chats", examples=["30"]
    )


class WechatTemplate(Group):
    """A template message: its id at WeChat, and which of our values fills which of its fields."""

    template_id: str = Field(min_length=1)
    fields: dict[str, str] = {}


class WechatSettings(Group):
    TOGETHER: ClassVar = ("app_id", "app_secret", "token")

    app_id: str | None = Field(
        None,
        pattern=r"^\w+$",
        description="official account: app id; without it the channel is off",
        examples=["wx0123"],
    )
    app_secret: Secret | None = Field(
        None,
        description="official account: app secret",
        examples=["the AppSecret shown once in the account's settings"],
    )
    token: Secret | None = Field(
        None, description="official account: token of the server settings", examples=["a-random-word"]
    )
    aes_key: Annotated[SecretStr, AfterValidator(shapes.aes_key)] | None = Field(
        None,
        description="official account: EncodingAESKey; with it messages are encrypted",
        examples=["43 letters and digits"],
    )
    api_url: WebAddress = Field(
        "https://api.weixin.qq.com", description="WeChat API server", examples=["https://api.weixin.qq.com"]
    )
    kind: Literal["service", "subscription"] = Field(
        "service", description="official account: service or subscription; decides what is tried", examples=["service"]
    )
    certified: bool = Field(
        True, description="official account: whether WeChat has certified it; decides what is tried", examples=["true"]
    )
    templates: Json[dict[str, WechatTemplate]] = Field(
        {},
        description="JSON: notice kind to template id and fields; for what the person's own business brought about",
        examples=['{"commission_earned": {"template_id": "AbC1", "fields": {"amount3": "amount"}}}'],
    )
    subscriptions: Json[dict[str, WechatTemplate]] = Field(
        {},
        description="JSON: notice kind to the template of subscription notices, one for each consent",
        examples=['{"tasks_morning": {"template_id": "Sub1", "fields": {"thing1": "list"}}}'],
    )


class WechatpaySettings(Group):
    TOGETHER: ClassVar = ("merchant_id", "certificate_serial", "key_file", "api_key")

    merchant_id: str | None = Field(
        None,
        pattern=r"^\d+$",
        description="WeChat Pay merchant id; without it payouts go by file",
        examples=["1900000001"],
    )
    certificate_serial: str | None = Field(
        None,
        pattern=r"^[0-9A-Fa-f]+$",
        description="serial number of the merchant certificate",
        examples=["5157F09EFDC096DE"],
    )
    key_file: Annotated[Path, AfterValidator(shapes.existing_file)] | None = Field(
        None, description="file with the merchant's private key", examples=["/etc/fenxiao/apiclient_key.pem"]
    )
    api_key: Annotated[SecretStr, AfterValidator(shapes.api_v3_key)] | None = Field(
        None, description="APIv3 key", examples=["32 letters and digits"]
    )
    api_url: WebAddress = Field(
        "https://api.mch.weixin.qq.com", description="WeChat Pay API server", examples=["https://api.mch.weixin.qq.com"]
    )
