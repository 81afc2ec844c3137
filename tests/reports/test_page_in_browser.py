"""The page in headless Chromium, measured: the first screen, what scrolls, can be read, is printed."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tapeline.models.table import NETWORKS
from tapeline.outputs import write_csv, write_json
from tapeline.reports.run_report import PAGE, write_report
from tests.browser import CLIPPED, CONTRAST, SCREENS, Browser, find_browser
from tests.reports import whole_run

PICTURES = Path(__file__).parents[2] / "reports/screenshots"  # kept for those who look, git-ignored
PARAMS = f"""
latency: {{warm_up: 1, repeats: 10, p99_budget_ms: 10.0}}
data: {{symbols: [{", ".join(whole_run.SYMBOLS)}]}}
instruments: {{BTC-USDT: BTCUSD, ETH-USDT: ETHUSD, SOL-USDT: SOLUSD, DOGE-USDT: DOGEUSD}}
signals: {{initial_balance: 100000.0}}
ftmo: {{control_runs: 100}}
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page of a run that has everything in it, stale stages included."""
    place = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        Path("params.yaml").write_text(PARAMS)
        for name, table in whole_run.plots().items():
            write_csv(f"plots/{name}.csv", table)
        for name, values in whole_run.metrics().items():
            write_json(f"metrics/{name}.json", values)
        for name, values in whole_run.detail().items():
            write_json(f"metrics/detail/{name}.json", values)
        call = {"symbol": "BTC-USDT", "share": 1.0, "hold": 5, "gross_bps": 1.0, "cost_bps": 2.0}
        write_json("metrics/detail/edge.json", [call])
        for model in NETWORKS:
            losses = pd.DataFrame({"step": [0, 1], "validation": [0.7, 0.6]})
            path = Path(f"plots/{model.name}_history/fold_0/plots/metrics/validation.tsv")
            path.parent.mkdir(parents=True)
            losses.to_csv(path, sep="\t", index=False)
        stale = ["evaluate", "promote", "latency"]
        write_report(lambda metrics, detail: (0.5, 12), whole_run.trades, lambda: stale)
    return place


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One Chromium for all tests of the page."""
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("screen", SCREENS)
def test_the_first_screen_is_complete(folder, browser, screen):
    """Market, run, verdict with counts and reasons, six cards with a picture each, without scrolling."""
    width, height = SCREENS[screen]
    browser.open(folder / PAGE, width, height)
    browser.photograph(PICTURES / f"{screen}.png")
    bottoms = browser.run(
        "['.alarm', 'h1', '.head', '.verdict', '.cards']"
        ".map(part => document.querySelector(part).getBoundingClientRect().bottom)"
    )
    assert all(0 < bottom <= height for bottom in bottoms)
    seen = browser.run(
        "[...document.querySelectorAll('.card')].map(c => [...c.querySelectorAll('svg')]"
        ".filter(s => s.getBoundingClientRect().width > 100 && s.getBoundingClientRect().height > 40).length)"
    )
    assert seen == [1] * 6
    text = " ".join(browser.run("document.querySelector('.verdict').innerText").split())
    assert "1 gates passed, 27 failed, 5 not judged" in text
    assert "4 because not defined on these candles" in text
    assert "1 because 18 traded days do not block before 60" in text
    head = browser.run("document.querySelector('.head').innerText")
    for word in (
        "BINANCE: BTC-USDT",
        "120 days, 2024-01-01 to 2024-04-29",
        "tested on 18 days",
        "95b4106c",
        "2b27c7fc",
    ):
        assert word in head


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("opened", [False, True])
def test_nothing_is_clipped_and_the_page_does_not_scroll_sideways(folder, browser, screen, opened):
    """With all details folded, and unfolded; on a phone a table may scroll in a box that keys reach."""
    browser.open(folder / PAGE, *SCREENS[screen])
    if opened:
        browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run(CLIPPED) == []
    browser.run("document.querySelector('.card p').textContent = 'x'.repeat(200)")
    browser.run("document.querySelector('.card p').style.whiteSpace = 'nowrap'")
    assert browser.run(CLIPPED) != []  # the same look sees a line that is too long


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_the_contrast_of_aa(folder, browser, dark):
    """4.5:1, large letters 3:1; on a dark ground where the reader's system is dark."""
    browser.open(folder / PAGE, *SCREENS["desk"], dark=dark)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run(CONTRAST) == []
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", ground)[:3])) < 64) == dark
    browser.run("document.querySelector('.head p').style.color = '#777'")
    assert browser.run(CONTRAST) != []  # the same look sees a pale line
    if dark:
        browser.open(folder / PAGE, *SCREENS["desk"], dark=True)
        browser.photograph(PICTURES / "desk_dark.png")


def test_every_section_is_reached_by_keys(folder, browser):
    """Tab goes through cards, contents and summaries, Enter unfolds one; what has focus shows it."""
    browser.open(folder / PAGE, *SCREENS["desk"])
    reached = []
    for _ in range(400):
        browser.press("Tab", 9)
        where = browser.run(
            "(() => { const n = document.activeElement; return [n.tagName, n.getAttribute('href') || '',"
            " getComputedStyle(n).outlineStyle]; })()"
        )
        if where[0] == "BODY":
            break
        reached.append(where)
    assert all(outline != "none" for _, _, outline in reached)
    asked = browser.run("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href'))")
    assert set(asked) <= {href for _, href, _ in reached}
    n_summaries = browser.run("document.querySelectorAll('summary').length")
    assert sum(tag == "SUMMARY" for tag, _, _ in reached) == n_summaries
    browser.run("document.querySelector('summary').focus()")
    browser.call(
        "Input.dispatchKeyEvent",
        type="keyDown",
        key="Enter",
        code="Enter",
        windowsVirtualKeyCode=13,
        text="\r",
    )
    assert browser.run("document.querySelector('details').open")


def test_the_page_prints_on_a4(folder, browser, tmp_path):
    """No wider than the sheet, on a white ground also where the system is dark, and on few sheets."""
    browser.open(folder / PAGE, *SCREENS["desk"], dark=True)
    n_sheets = browser.print_a4(tmp_path / "page.pdf")
    assert 2 <= n_sheets <= 20
    # 186 mm between the margins, in CSS pixels.
    browser.open(folder / PAGE, 703, 1000, dark=True, media="print")
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= 703
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    wide = browser.run("[...document.querySelectorAll('table')].filter(t => t.scrollWidth > 703).length")
    assert wide == 0


def test_the_page_asks_for_nothing_and_its_scripts_are_silent(folder, browser):
    """Every address is its own file's; every chart is drawn; nothing is told on the console."""
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(folder / PAGE, *SCREENS["desk"])
    places = browser.run("document.querySelectorAll('.chart').length")
    drawn = browser.run(
        "new Promise(done => { const drawn = () => document.querySelectorAll('.chart svg.marks').length;"
        f" const look = () => drawn() >= {places} ? done(drawn()) : setTimeout(look, 50); look(); }})"
    )
    assert drawn == places > 5
    assert browser.requests == [(folder / PAGE).as_uri()]
    assert browser.complaints == []


def test_trades_are_sorted_by_the_column_that_is_chosen(folder, browser):
    """Up, then down, told to those who do not see it; fifty at a time, and more on demand."""
    browser.open(folder / PAGE, *SCREENS["desk"])
    column = browser.run(
        "[...document.querySelectorAll('#trade-table th')].findIndex(h => h.textContent === 'net PnL')"
    )
    cells = f"[...document.querySelectorAll('#trade-table tbody tr')].map(r => r.cells[{column}].textContent)"
    head = f"document.querySelectorAll('#trade-table th')[{column}]"

    def shown():
        return [float(text.replace(",", "").replace("−", "-")) for text in browser.run(cells)]

    every = sorted(whole_run.trades()["net_pnl"].round(2))
    browser.run(f"{head}.querySelector('button').click()")
    assert shown() == every[:50]
    assert browser.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    browser.run(f"{head}.querySelector('button').click()")
    assert shown() == every[:-51:-1]
    browser.run("document.getElementById('trade-more').click()")
    assert len(shown()) == 100


def test_an_account_is_not_drawn_far_below_the_floor_that_closes_it(folder, browser):
    """Of an account that falls to -30,000, the axis ends a little below 90,000."""
    browser.open(folder / PAGE, *SCREENS["desk"])
    labels = browser.run(
        "[...document.querySelectorAll('#card-equity .wide-picture text')].map(t => t.textContent)"
    )
    thousands = [float(label.removesuffix("k")) for label in labels if re.fullmatch(r"-?\d+k", label)]
    assert thousands
    assert min(thousands) >= 85
    assert whole_run.equity()["equity"].min() < 0
