"""What each chart of a run shows: which columns, from which zero, in which colour, and what of too little."""

import pandas as pd
import pytest
import vl_convert

from tapeline.models.table import NETWORKS
from tapeline.reports.account_tables import read_equity
from tapeline.reports.colours import BAD, MODEL, PLAIN
from tapeline.reports.run_charts import (
    GAIN,
    LOSS,
    confidence,
    curve,
    daily,
    draw_run,
    drawdown,
    edge,
    fan,
    floors,
    learning_curve,
    read_history,
    reliability,
)

CALLS = pd.DataFrame(
    {
        "symbol": ["B", "B", "A"],
        "share": [1.0, 0.01, 0.05],
        "hold": [15, 15, 5],
        "gross_bps": [-6.0, 9.0, 5.0],
        "cost_bps": [2.0, 6.0, 0.0],
    }
)
CURVE = pd.DataFrame(
    {
        "latency_s": [0.0, 1.0],
        "net_pnl": [50.0, None],
        "net_pnl_low": [10.0, None],
        "net_pnl_high": [90.0, None],
    }
)
EQUITY = pd.DataFrame(
    {
        "timestamp": ["2024-01-01 00:00:00+00:00"],
        "equity": [100.0],
        "lowest": [98.0],
        "daily_floor": [95.0],
        "account_floor": [90.0],
        "drawdown": [0.02],
    }
)
BINS = pd.DataFrame(
    {"mean_probability": [0.3], "observed": [0.35], "low": [None], "high": [None], "count": [7]}
)
SHARES = pd.DataFrame({"confidence": [0.6], "accuracy": [0.65], "low": [0.5], "high": [0.8], "count": [7]})
DAYS = pd.DataFrame({"day": ["2024-01-01 00:00:00+00:00"], "net_pnl": [-1.0]})
QUANTILES = pd.DataFrame(
    {"q05": [1], "q25": [2], "q50": [3], "q75": [4], "q95": [5], "day": [1], "kind": ["model"]}
)
LOSSES = pd.DataFrame(
    {"step": [0, 1], "loss": [0.7, 0.6], "fold": ["fold_0", "fold_0"], "part": ["validation"] * 2}
)


def data_of(spec, number=0):
    """Rows of the chart's data sets, in order of their first use."""
    return list(spec["datasets"].values())[number]


def field(spec, channel):
    """Name of the column that a channel of a mark shows."""
    return spec["encoding"][channel]["field"]


def layers_by_y(chart):
    """Layers of a chart by the column on their y axis."""
    return {field(layer, "y"): layer for layer in chart.to_dict()["layer"]}


def colour(layer):
    """Fixed colour of a layer's mark."""
    return layer["mark"]["color"]


def test_an_edge_is_coloured_by_its_multiple_of_the_costs():
    """9 over 6 is 1.5, -6 over 2 is -3; without costs there is none, and the number stays."""
    rows = {row["share"]: row for row in data_of(edge(CALLS).to_dict())}
    assert [rows[share]["multiple"] for share in (0.01, 1.0, 0.05)] == [1.5, -3.0, None]
    assert rows[0.05]["gross_bps"] == 5.0


def test_white_is_no_edge_and_both_ends_are_as_far_from_it():
    """The greatest multiple of either sign; at least one, also without costs or without calls."""
    for table, bound in [
        (CALLS, 3.0),
        (CALLS.iloc[2:], 1.0),
        (CALLS.assign(gross_bps=0.1), 1.0),
        (CALLS.iloc[:0], 1.0),
    ]:
        cells = edge(table).to_dict()["spec"]["layer"][0]
        assert cells["encoding"]["color"]["scale"] == {
            "domain": [-bound, 0, bound],
            "range": [LOSS, "#ffffff", GAIN],
        }


def test_the_most_confident_calls_stand_first_and_symbols_as_they_come():
    """By share and not by how its words sort; one facet per symbol."""
    spec = edge(CALLS).to_dict()
    assert spec["spec"]["layer"][0]["encoding"]["y"]["sort"] == ["top 1 %", "top 5 %", "top 100 %"]
    assert spec["facet"]["field"] == "symbol"
    assert spec["facet"]["sort"] is None


def test_a_loss_has_its_mean_in_the_band_of_the_folds():
    """Both parts, each in a colour; the axis does not begin at zero."""
    band, line = learning_curve(LOSSES).to_dict()["layer"]
    assert (band["encoding"]["y"]["aggregate"], band["encoding"]["y2"]["aggregate"]) == ("min", "max")
    assert line["encoding"]["y"]["aggregate"] == "mean"
    for layer in (band, line):
        assert (field(layer, "x"), field(layer, "y"), field(layer, "color")) == ("step", "loss", "part")
        assert layer["encoding"]["y"]["scale"]["zero"] is False


def test_a_history_has_a_row_for_each_fold_part_and_epoch(tmp_path, monkeypatch):
    """As DVCLive leaves them; the other network's are not read."""
    monkeypatch.chdir(tmp_path)
    for network, fold, part, losses in [
        ("lstm", "fold_0", "training", [0.7, 0.6]),
        ("lstm", "fold_0", "validation", [0.8]),
        ("lstm", "fold_1", "validation", [0.9]),
        ("transformer", "fold_0/member_0", "training", [0.1]),
        ("transformer", "fold_0/member_1", "training", [0.2]),
    ]:
        leave_history(tmp_path, network, fold, part, losses)
    members = read_history("transformer")[["fold", "member", "part", "step", "loss"]]
    assert members.to_numpy().tolist() == [
        ["fold_0", "member_0", "training", 0, 0.1],
        ["fold_0", "member_1", "training", 0, 0.2],
    ]
    history = read_history("lstm")
    assert history[["fold", "part", "step", "loss"]].to_numpy().tolist() == [
        ["fold_0", "training", 0, 0.7],
        ["fold_0", "training", 1, 0.6],
        ["fold_0", "validation", 0, 0.8],
        ["fold_1", "validation", 0, 0.9],
    ]


def leave_history(folder, network, fold, part, losses):
    """One metric of one fold, an epoch a line."""
    path = folder / f"plots/{network}_history/{fold}/plots/metrics/{part}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["step\t" + part, *(f"{step}\t{loss}" for step, loss in enumerate(losses))]
    path.write_text("\n".join(lines) + "\n")


def test_a_network_without_a_history_is_named(tmp_path, monkeypatch):
    """By the folder that is looked for, whether it is not there or empty."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with pytest.raises(FileNotFoundError) as caught:
            read_history("lstm")
        assert caught.value.filename == "plots/lstm_history"
        (tmp_path / "plots/lstm_history").mkdir(parents=True, exist_ok=True)


def test_reliability_is_of_points_with_intervals_beside_the_diagonal():
    """Both axes are probabilities from 0 to 1; the diagonal goes through both corners."""
    spec = reliability(BINS).to_dict()
    diagonal, interval, points = spec["layer"]
    assert data_of(spec) == [{"mean_probability": x, "observed": x} for x in (0, 1)]
    assert colour(diagonal) == PLAIN
    assert (field(interval, "y"), field(interval, "y2")) == ("low", "high")
    assert (field(points, "x"), field(points, "y"), field(points, "size")) == (
        "mean_probability", "observed", "count",
    )  # fmt: skip
    for channel in ("x", "y"):
        assert points["encoding"][channel]["scale"]["domain"] == [0, 1]


def test_accuracy_stands_against_confidence_with_its_interval():
    """Every column is told at a point."""
    interval, points = confidence(SHARES).to_dict()["layer"]
    assert (field(points, "x"), field(points, "y")) == ("confidence", "accuracy")
    assert (field(interval, "x"), field(interval, "y"), field(interval, "y2")) == (
        "confidence",
        "low",
        "high",
    )
    assert [each["field"] for each in points["encoding"]["tooltip"]] == list(SHARES.columns)


def test_equity_stands_above_its_low_and_the_floors():
    """The day's floor grey, the account's red, both held until they change; the equity blue and on top."""
    layers = layers_by_y(floors(EQUITY))
    assert list(layers) == ["account_floor", "daily_floor", "lowest", "equity"]
    assert [colour(layer) for layer in layers.values()] == [BAD, PLAIN, MODEL, MODEL]
    for name in ("account_floor", "daily_floor"):
        assert layers[name]["mark"]["interpolate"] == "step-after"
    assert layers["lowest"]["mark"]["opacity"] < 1
    assert {field(layer, "x") for layer in layers.values()} == {"timestamp"}


def test_a_drawdown_grows_downwards_as_a_share():
    """In per cent."""
    y = drawdown(EQUITY).to_dict()["encoding"]["y"]
    assert (y["field"], y["scale"]["reverse"], y["axis"]["format"]) == ("drawdown", True, ".1%")


def test_a_day_that_lost_is_red_and_any_other_blue():
    """Below zero, and not at it."""
    spec = daily(DAYS).to_dict()
    assert (field(spec, "x"), field(spec, "y")) == ("day", "net_pnl")
    assert spec["encoding"]["color"] == {
        "condition": {"test": "(datum.net_pnl < 0)", "value": BAD},
        "value": MODEL,
    }


def test_a_fan_holds_the_median_in_half_in_nine_of_ten():
    """The quantiles in pairs; the model blue, the same trades without an edge grey."""
    outer, inner, median = fan(QUANTILES).to_dict()["layer"]
    assert [(field(each, "y"), field(each, "y2")) for each in (outer, inner)] == [
        ("q05", "q95"),
        ("q25", "q75"),
    ]
    assert field(median, "y") == "q50"
    assert median["encoding"]["color"]["scale"]["range"] == [MODEL, PLAIN]


def test_a_curve_leaves_out_points_without_trades_and_shows_where_zero_is():
    """Of two points one is undefined; the scale is as it is asked for."""
    spec = curve(CURVE, "latency_s", "seconds", "symlog").to_dict()
    zero, interval, line = spec["layer"]
    assert data_of(spec) == [{"net_pnl": 0}]
    assert [row["latency_s"] for row in data_of(spec, 1)] == [0.0]
    assert field(zero, "y") == "net_pnl"
    assert (field(interval, "y"), field(interval, "y2")) == ("net_pnl_low", "net_pnl_high")
    assert (field(line, "x"), field(line, "y")) == ("latency_s", "net_pnl")
    assert line["encoding"]["x"]["scale"] == {"type": "symlog", "zero": True}
    axis = line["encoding"]["x"]["axis"]
    assert axis["values"] == [0.0]  # labels at the points, at no others


def test_a_curves_labels_are_its_points_in_full():
    """0.25 is not rounded to 0, which would stand there twice."""
    table = pd.DataFrame({"latency_s": [0.25, 0.0, 60.0]}).assign(
        net_pnl=1.0, net_pnl_low=0.0, net_pnl_high=2.0
    )
    spec = curve(table, "latency_s", "seconds", "symlog").properties(width=800).to_dict()
    assert all(f">{said}<" in vl_convert.vegalite_to_svg(spec) for said in ("0", "0.25", "60"))


@pytest.mark.parametrize("table", [CURVE.iloc[1:], CURVE.iloc[:0]])
def test_a_curve_without_any_trade_says_so(table):
    """A word instead of empty axes."""
    spec = curve(table, "latency_s", "seconds", "linear").to_dict()
    assert data_of(spec) == [{"word": "no trades"}]
    assert "x" not in spec["encoding"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder with all plots of a small run, the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics/detail").mkdir(parents=True)
    for model in NETWORKS:
        leave_history(tmp_path, model.name, "fold_0", "validation", [0.7])
    for name, table in {
        "equity": EQUITY, "odds": QUANTILES, "reliability": BINS, "confidence": SHARES, "daily_pnl": DAYS,
        "latency": CURVE, "cost_stress": CURVE.rename(columns={"latency_s": "multiple"}),
    }.items():  # fmt: skip
        table.to_csv(tmp_path / f"plots/{name}.csv", index=False)
    CALLS.to_json(tmp_path / "metrics/detail/edge.json", orient="records")
    return tmp_path


def test_every_part_of_the_page_has_its_charts_each_with_its_file(run):
    """The files are there; every chart can be drawn."""
    parts = draw_run(read_equity([], 100.0))
    assert {part: len(charts) for part, charts in parts.items()} == {
        "probabilities": 2, "equity": 3, "odds": 1, "stress": 2, "edge": 1, "training": len(NETWORKS),
    }  # fmt: skip
    for charts in parts.values():
        for title, file, chart in charts:
            assert title
            assert (run / file).exists()
            assert vl_convert.vegalite_to_vega(chart.to_dict())["marks"]


def test_an_account_that_no_program_watches_has_no_odds(run):
    """Its table has columns and no rows; every other chart stays."""
    QUANTILES.iloc[:0].to_csv(run / "plots/odds.csv", index=False)
    parts = draw_run(read_equity([], 100.0))
    assert parts["odds"] == []
    assert len(parts["equity"]) == 3


def test_names_of_any_letters_stay_as_they_are(run):
    """In the data of the chart, markup and all."""
    name = "ΕΘ-<b>&USD</b>"
    CALLS.assign(symbol=name).to_json(run / "metrics/detail/edge.json", orient="records")
    ((_, _, chart),) = draw_run(read_equity([], 100.0))["edge"]
    assert {row["symbol"] for row in data_of(chart.to_dict())} == {name}


@pytest.mark.parametrize("name", ["plots/equity.csv", "plots/latency.csv", "metrics/detail/edge.json"])
def test_a_plot_that_is_not_there_is_named(run, name):
    """The error knows the file."""
    (run / name).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        draw_run(read_equity([], 100.0))
    assert name in str(caught.value)
