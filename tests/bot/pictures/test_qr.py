from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from bot.pictures.qr import qr_png


@pytest.mark.parametrize("text", ["https://mall.example.com/r/k3J9xQ", "邀请码 k3J9xQ", "x" * 500])
def test_a_camera_reads_back_what_was_written(text: str):
    picture = np.asarray(Image.open(BytesIO(qr_png(text, scale=6))).convert("L"))
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == text


def test_there_are_four_white_modules_around_the_code():
    picture = Image.open(BytesIO(qr_png("https://mall.example.com/r/k3J9xQ", scale=5))).convert("L")
    left, top, right, bottom = picture.point(lambda value: 255 - value).getbbox() or (0, 0, 0, 0)
    assert (left, top, picture.width - right, picture.height - bottom) == (20, 20, 20, 20)


@pytest.mark.parametrize(
    ("text", "scale"), [("", 8), ("x" * 1001, 8), ("好" * 400, 8), ("ok", 0), ("ok", 41), ("\ud83d", 8)]
)
def test_what_cannot_be_a_readable_code_is_refused(text: str, scale: int):
    with pytest.raises(ValueError):  # noqa: PT011
        qr_png(text, scale=scale)
