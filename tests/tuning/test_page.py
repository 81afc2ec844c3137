"""The page of a search: all its trials, what they were chosen on, and nothing loaded from elsewhere."""

import re

import pytest

from tapeline.splits.folds import TimeFold
from tapeline.tuning import plan as planning
from tapeline.tuning import study as studies
from tapeline.tuning.charts import draw_search, importances, trials_table
from tapeline.tuning.outcome import outcome, write_record
from tapeline.tuning.page import write_tuning_page
from tapeline.tuning.study import search
from tapeline.tuning.trial import Scored
from tests.browser import faults_of, find_browser
from tests.tuning.market import make_plan


def trial(plan, values, report, title, line=0):
    """A loss by the rate alone; the two-layered end early."""
    if values["model.layers"] == 2:
        raise studies.ParamsError("model.layers", 2, "too <deep>")
    loss = 0.7 - values["train.learning_rate"]
    return Scored({"2024-01-01": (loss, 1), "2024-01-02": (2 * loss, 2)}, [loss], [2])


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Write the page of a search; what was planted into `inner_folds` is in force."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(studies, "run_trial", trial)

    def make():
        plan = make_plan(trials=12, pruner="none")
        study = search(plan, tmp_path / "s", lambda study: None)
        record, found = write_record(study, plan), outcome(study, plan)
        return plan, study, record, write_tuning_page(study, plan, found, record).read_text()

    return make


def test_a_page_shows_every_trial_and_opens_offline(made):
    """Values, reasons, the best as a command; others' text is no markup."""
    plan, study, _, page = made()
    body = page[: page.index('<script type="module">')]
    assert len(re.findall(r"<tr><td>\d+</td><td>(?:0\.\d{6}|–)</td>", body)) == 12
    assert "present params" in body
    assert "too &lt;deep&gt;" in body
    assert outcome(study, plan).line in body
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert body.count('class="chart"') == 4
    assert "paired over 2 UTC days" in body


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_it_is_read_on_a_desk_and_on_a_phone(made, tmp_path):
    """Nothing clipped, every text of AA's contrast, no complaint."""
    made()
    (page,) = (tmp_path / "reports").glob("tun*.html")
    assert faults_of(page, tmp_path / "profile") == []


def test_a_page_says_that_no_test_was_seen(made):
    """With the days that trials were scored on."""
    _, _, record, page = made()
    told = " ".join(page[: page.index("<h2>")].split())
    first, last = record.scored
    assert f"Chosen on inner folds, days {first} to {last}: no reported test was seen." in told


def test_a_page_of_a_search_that_saw_a_reported_test_says_what_is_left(made, monkeypatch):
    """Planted: the folds that are reported, by their validation, which lies in the test before."""

    def reported(outer, *_):
        return [TimeFold(fold.train, fold.validation, fold.validation) for fold in outer]

    monkeypatch.setattr(planning, "inner_folds", reported)
    told = " ".join(made()[3].split())
    assert "no reported test was seen" not in told
    assert "Chosen later than the first test" in told
    assert "judged on the candidate&#39;s own test alone" in told or "judged on the candidate's own" in told


def test_importances_repeat_and_name_what_decides(made):
    """The same shares twice; of a loss that hangs on the rate alone, it has nearly all."""
    _, study, record, _ = made()
    shares = importances(study, 5)
    assert shares == importances(study, 5)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["train.learning_rate"] > 0.8
    table = trials_table(record)
    assert table["best"].tolist() == table["score"].cummin().tolist()


def test_too_few_trials_have_no_importances(tmp_path, monkeypatch):
    """The other charts are drawn, of a single trial too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(studies, "run_trial", trial)
    plan = make_plan(trials=1)
    study = search(plan, tmp_path / "s", lambda study: None)
    record = write_record(study, plan)
    assert importances(study, 5) == {}
    drawn = draw_search(study, record, 5)
    assert len(drawn) == 3
    assert all(chart.to_dict() for _, _, chart in drawn)
