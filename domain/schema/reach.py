"""What a platform lets us do and remembers for us: messages still free to send, files uploaded, codes for scanning."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base


class PlatformFile(Base):
    """A file that an account of ours has uploaded already: equal content, equal `content_key`."""

    __tablename__ = "platform_file"
    account: Mapped[str] = mapped_column(primary_key=True)
    content_key: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str]
    expires_at: Mapped[datetime | None]  # none: the platform keeps it
