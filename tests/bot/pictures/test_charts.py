from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import BytesIO

import matplotlib.font_manager
import pytest
from matplotlib.text import Text
from PIL import Image

from bot.pictures import fonts
from bot.pictures.charts import TrafficLabels, sparkline, traffic_chart, traffic_figure

ZH = TrafficLabels("访问", "独立访客", "订单", "还没有人来过。")
EN = TrafficLabels("Visits", "Unique visitors", "Orders", "Nobody has come yet.")
DAYS = [date(2026, 10, 25) + timedelta(days=number) for number in range(30)]
VISITS = [10 + number * 7 % 23 for number in range(30)]
UNIQUE = [visits * 2 // 3 for visits in VISITS]
ORDERS = [number % 5 == 0 for number in range(30)]


def seen(chart: bytes) -> Image.Image:
    return Image.open(BytesIO(chart)).convert("RGB")


def test_thirty_days_become_a_picture_for_a_phone_in_both_languages():
    chinese = traffic_chart(DAYS, VISITS, UNIQUE, ORDERS, title="最近 30 天", labels=ZH, locale="zh")
    english = traffic_chart(DAYS, VISITS, UNIQUE, ORDERS, title="Last 30 days", labels=EN, locale="en")
    assert chinese != english
    for chart in (chinese, english):
        assert seen(chart).size == (900, 600)
        assert len(chart) < 200_000


@pytest.mark.parametrize(("labels", "locale"), [(ZH, "zh"), (EN, "en")])
@pytest.mark.parametrize("visits", [VISITS, [0] * 30])
def test_every_word_of_a_chart_is_set_in_the_bundled_font(labels: TrafficLabels, locale: str, visits: list[int]):
    figure = traffic_figure(DAYS, visits, visits, visits, title="流量 traffic", labels=labels, locale=locale)
    figure.canvas.draw()
    bundled = {str(fonts.REGULAR), str(fonts.BOLD)}
    written = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert len(written) >= 3
    assert {text.get_fontproperties().get_file() for text in written} <= bundled
    assert all(set(text.get_text()) <= fonts.drawable() for text in written)


def test_a_machine_without_a_single_font_draws_the_same_chart(monkeypatch: pytest.MonkeyPatch):
    def chart() -> bytes:
        return traffic_chart(DAYS, VISITS, UNIQUE, ORDERS, title="最近 30 天", labels=ZH, locale="zh")

    usual = chart()
    monkeypatch.setattr(matplotlib.font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(matplotlib.font_manager.fontManager, "afmlist", [])
    assert chart() == usual


def test_the_last_day_stands_out():
    chart = seen(traffic_chart(DAYS, [20] * 30, [0] * 30, [0] * 30, title="", labels=ZH, locale="zh"))
    last, before = chart.getpixel((845, 450)), chart.getpixel((818, 450))
    assert last != before
    assert sum(last) < sum(before)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [0, 1, 2, 7, 12, 31])
@pytest.mark.parametrize("figure", [0, 1, 12_345_678])
def test_few_days_no_visits_and_huge_figures_are_drawn_gracefully(length: int, figure: int):
    days, figures = DAYS[:length] or [], [figure] * min(length, 30)
    days = days[: len(figures)]
    assert seen(traffic_chart(days, figures, figures, figures, title="t", labels=EN, locale="en")).size == (900, 600)


@pytest.mark.parametrize("title", ["", "$x_2$ \\frac{1}", "]]><b>", "🎉محمد\u202e", "名" * 500, "\ud83d"])
def test_b5_no_title_or_label_breaks_a_chart(title: str):
    labels = TrafficLabels(title, title, title, title)
    for visits in (VISITS, [0] * 30):
        chart = traffic_chart(DAYS, visits, visits, visits, title=title, labels=labels, locale="zh")
        assert seen(chart).size == (900, 600)


def test_figures_that_do_not_match_the_days_are_refused():
    with pytest.raises(ValueError, match="equally long"):
        traffic_chart(DAYS, VISITS[:-1], UNIQUE, ORDERS, title="", labels=ZH, locale="zh")


def test_charts_asked_for_at_the_same_time_do_not_disturb_each_other():
    def chart(number: int) -> bytes:
        visits = [number + visit for visit in VISITS]
        return traffic_chart(DAYS, visits, UNIQUE, ORDERS, title=str(number), labels=ZH, locale="zh")

    one_by_one = [chart(number) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(chart, range(6))) == one_by_one


@pytest.mark.parametrize("values", [[], [5], [0, 0, 0], [1, 2, 3], list(range(365)), [-4, 4]])
def test_a_small_line_is_drawn_for_any_figures(values: list[int]):
    assert seen(sparkline(values, width=120, height=40)).size == (120, 40)
