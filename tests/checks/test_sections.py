"""What is wrong in params.yaml, section by section and across them, all at once."""

from copy import deepcopy

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.backtest.signals import SignalParams
from tapeline.checks.sections import (
    SECTIONS,
    check,
    check_combinations,
    check_sections,
    start_problems,
    tier_problems,
)
from tapeline.closure import ROOT
from tapeline.features.params import selected_features
from tapeline.params import Params
from tapeline.promotion.gates import GateParams
from tests.models.starts import RECORD, pack_start

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def texts(problems):
    """Their lines."""
    return [problem.text for problem in problems]


def shipped(**changes):
    """The sections of the shipped params, read; of those in `changes` some keys set."""
    params = Params({name: values | changes.get(name, {}) for name, values in SHIPPED.items()})
    problems, sections = check_sections(params)
    assert problems == []
    return sections


def without(*names, **changes):
    """The shipped params as they are parsed, some sections left out, others put in their place."""
    return Params({name: v for name, v in deepcopy(SHIPPED).items() if name not in names} | changes)


def test_sections_in_order_are_handed_on_read():
    """Every one by its name, as its model."""
    problems, sections = check_sections(Params(SHIPPED))
    assert problems == []
    assert {name: type(section) for name, section in sections.items()} == SECTIONS


def test_no_section_at_all_is_a_line_for_each():
    """Nothing is handed on."""
    problems, sections = check_sections(Params({}))
    assert texts(problems) == [f"params.yaml: {name} must be a section with keys" for name in SECTIONS]
    assert sections == {}


def test_a_wrong_section_is_left_out_and_the_others_are_read():
    """All its mistakes are told, a line each."""
    problems, sections = check_sections(without(model={"hidden": -1, "layers": "two"}))
    lines = texts(problems)
    assert len(lines) == 4  # two wrong values, two keys that are missing
    assert all(line.startswith("params.yaml: model.") for line in lines)
    assert set(SECTIONS) - set(sections) == {"model"}


def test_a_misspelt_section_is_one_mistake_and_an_unknown_one_hides_none():
    """The nearest that is missing is not told to be missing, too."""
    problems, sections = check_sections(without("labels", lables=SHIPPED["labels"]))
    (line,) = texts(problems)
    assert line.startswith(
        "params.yaml: lables is 'a section': is no known section; nearest is labels; there are data,"
    )
    assert "labels" not in sections
    lines = texts(check_sections(without("labels", zzz={}))[0])
    assert [line.split()[1] for line in lines] == ["zzz", "labels"]


def test_sections_that_fit_each_other_have_no_problem():
    """Nor have sections that are not there."""
    assert check_combinations(shipped()) == []
    assert check_combinations({}) == []


def test_a_simulated_market_is_of_minutes_and_files_of_any_interval():
    """Exchanges serve longer candles, too."""
    (line,) = texts(check_combinations(shipped(data={"interval": "5m"})))
    assert line == "params.yaml: data.interval is '5m': must be 1m where data.source is simulated"
    assert check_combinations(shipped(data={"interval": "5m", "source": "files"})) == []


def test_features_that_the_interval_leaves_none_of_are_a_problem():
    """Timeframes alone, of candles that are no minutes; of minutes they are enough."""
    groups = {group: group == "timeframes" for group in SHIPPED["features"]["groups"]}
    files = {"source": "files", "interval": "15m"}
    (line,) = texts(check_combinations(shipped(data=files, features={"groups": groups})))
    assert line == "params.yaml: features.exclude is []: leaves no feature"
    assert check_combinations(shipped(features={"groups": groups})) == []


def test_every_network_is_held_against_the_training():
    """A chunk longer than the Transformer can take is told once."""
    (line,) = texts(check_combinations(shipped(train={"chunk_length": 513})))
    assert "train.chunk_length" in line
    assert "transformer.max_length = 512" in line


def test_gates_must_name_metrics_and_the_artifacts():
    """One line for the artifacts, one for each metric that no file has."""
    gates = GateParams({"lstm-direction": {"lstm.accuracy_all": {"min": 0.5}, "lstm.nothing": {"min": 0}}})
    lines = texts(check_combinations({"gates": gates}))
    assert len(lines) == 2
    assert "must name exactly the artifacts lstm-direction, transformer-trend" in lines[0]
    assert "gates.lstm-direction is 'lstm.nothing': is no metric" in lines[1]


def signals(**changes):
    """Section `signals` as shipped, some keys set, with tiers in force by confidence."""
    return SignalParams(**SHIPPED["signals"] | {"tier_by": "confidence"} | changes)


def gates_on(**gates):
    """Gates of the LSTM, `__` for the dot."""
    return GateParams({"lstm-direction": {name.replace("__", "."): gate for name, gate in gates.items()}})


def test_a_gate_on_tier_a_needs_a_tier_of_that_name():
    """Without it there are no figures to judge: one line for each such gate, none for others."""
    renamed = signals(tiers={"S": [0.7, 1.0], "B": [0.6, 0.7]}, trade_tiers=["S"])
    gates = gates_on(
        lstm__precision_tier_a={"min": 0.6},
        lstm__accuracy_all={"min": 0.5},
        lstm__coverage_tier_a={"min": 0.1},
    )
    assert texts(tier_problems(gates, renamed)) == [
        f"params.yaml: gates.lstm-direction is 'lstm.{metric}_tier_a': can't be judged: "
        "no tier is called A, there are S, B"
        for metric in ("precision", "coverage")
    ]
    assert tier_problems(gates, signals()) == []


def test_a_gate_that_may_be_null_asks_for_no_tier():
    """It is then not judged."""
    renamed = signals(tiers={"S": [0.7, 1.0]}, trade_tiers=["S"])
    gates = gates_on(lstm__precision_tier_a={"min": 0.6, "may_be_null": True})
    assert tier_problems(gates, renamed) == []


@pytest.mark.parametrize(("source", "count"), [("simulated", 0), ("files", 1)])
def test_the_tiers_in_force_are_those_of_the_source(source, count):
    """`auto` is by share for files: only there the missing tier counts."""
    shares = {"tier_by": "auto", "tier_shares": {"S": 0.01, "B": 0.05}, "trade_tiers": ["B"]}
    sections = shipped(data={"source": source}, signals=shares)
    sections = {name: sections[name] for name in ("data", "gates", "signals")}
    lines = texts(check_combinations(sections))
    assert [line.endswith("no tier is called A, there are S, B") for line in lines] == [True] * count


def test_params_in_order_are_summed_up_in_lines():
    """How many sections, a line per symbol, the days of each part."""
    params = Params(SHIPPED | {"simulation": SHIPPED["simulation"] | {"days": 10}})
    problems, lines = check(params)
    assert problems == []
    assert lines[:3] == [
        f"params.yaml: {len(SECTIONS)} sections in order",
        "BTC-USD: 14400 candles from 2024-01-01 00:00 to 2024-01-10 23:59",
        "ETH-USD: 14400 candles from 2024-01-01 00:00 to 2024-01-10 23:59",
    ]
    assert lines[3].startswith("splits of 10.0 days: train 7.")
    assert len(lines) == 4


def test_where_anything_is_wrong_nothing_is_summed_up():
    """Sections, combinations, instruments and history in one go."""
    params = Params(
        SHIPPED
        | {
            "data": SHIPPED["data"] | {"symbols": ["NEW-USD"], "interval": "5m"},
            "model": SHIPPED["model"] | {"hidden": 0},
            "splits": SHIPPED["splits"] | {"train": 400},
        }
    )
    problems, lines = check(params)
    assert lines == []
    for part in ("model.hidden is 0", "data.interval", "the symbol NEW-USD", "splits.train = 400"):
        assert sum(part in text for text in texts(problems)) == 1, part
    assert len(problems) == 4


def test_without_the_section_of_the_candles_none_are_looked_for():
    """What is wrong elsewhere is told all the same."""
    problems, lines = check(without("data", model=SHIPPED["model"] | {"layers": 0}))
    assert lines == []
    assert [text.split()[1] for text in texts(problems)] == ["data", "model.layers"]


def test_a_wrong_section_of_the_simulated_market_is_its_own_problem_alone():
    """Its candles are unknown then, and no history is held against the splits."""
    problems, _ = check(Params(SHIPPED | {"simulation": SHIPPED["simulation"] | {"days": 0}}))
    (line,) = texts(problems)
    assert line.startswith("params.yaml: simulation.days is 0: ")


def test_tables_of_data_extra_are_read_before_anything_runs(tmp_path):
    """A line for each that can't be used, whatever the others are."""
    own = {"known_at": "t", "delay_s": 0, "symbol": None, "columns": {"rate": "value"}, "max_age": 60}
    extra = {name: own | {"file": f"{name}.parquet"} for name in ("gone", "funding", "naive")}
    times = pd.date_range("2024-01-01", periods=3)
    pd.DataFrame({"t": times.tz_localize("UTC"), "rate": 1.0}).to_parquet(tmp_path / "funding.parquet")
    pd.DataFrame({"t": times, "rate": 1.0}).to_parquet(tmp_path / "naive.parquet")
    data = SHIPPED["data"] | {"extra": extra, "extra_path": str(tmp_path)}
    gone, naive = texts(check(Params(SHIPPED | {"data": data}))[0])
    assert "gone.parquet: data.extra.gone: no such file" in gone
    assert "naive.parquet: data.extra.naive: t is of type" in naive


def test_a_start_is_looked_at_before_anything_runs(tmp_path, monkeypatch):
    """A folder that is not there is told once, one without a network's bundle too; others by what differs."""
    monkeypatch.chdir(tmp_path)
    sections = shipped(train={"start_from": "models/start"})
    (line,) = texts(start_problems(sections))
    assert line.startswith("params.yaml: train.start_from is 'models/start': is not there")
    pack_start(tmp_path / "models/start/lstm", RECORD)
    (line,) = texts(start_problems(sections))
    assert line.endswith("holds none of lstm-direction, transformer-trend")
    names = [feature.name for feature in selected_features(sections["features"], "1m")]
    own = {
        "architecture": SHIPPED["model"], "features": names, "horizon": SHIPPED["labels"]["horizon"],
        "context": {"sequence_length": SHIPPED["train"]["sequence_length"]},
    }  # fmt: skip
    place = tmp_path / "models/start/lstm-direction"
    pack_start(place, RECORD, **own)
    assert start_problems(sections) == []
    pack_start(place, RECORD, **own | {"features": names[::-1]})
    (line,) = texts(start_problems(sections))
    assert f"feature 0 is {names[-1]} in lstm-direction there, and {names[0]} here" in line
    assert start_problems({name: sections[name] for name in sections if name != "labels"}) == []


def test_a_key_of_data_extra_that_is_missing_or_wrong_is_named():
    """Down to the table and the key."""
    extra = {"funding": {"file": "../x.parquet", "known_at": "t", "columns": {"rate": "level"}}}
    problems, sections = check_sections(Params(SHIPPED | {"data": SHIPPED["data"] | {"extra": extra}}))
    told = "\n".join(texts(problems))
    assert "data" not in sections
    for key in ("file", "delay_s", "symbol", "columns.rate", "max_age"):
        assert f"params.yaml: data.extra.funding.{key}" in told
