"""`make check`: the shipped params are in order, and every mistake is one line: key, value, rule."""

import time
from copy import deepcopy

import pytest
from ruamel.yaml import YAML

from commands.check import main
from tapeline.checks.instruments import instrument_name
from tapeline.checks.sections import SECTIONS, check
from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.models.start import NO_START
from tapeline.models.swept import SweepParams, swept_mistakes
from tapeline.params import Params
from tapeline.restoring import RESTORE
from tests.candles import random_candles

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())


def changed(key, value, params=None):
    """`params`, by default those shipped, with one dotted key set (or removed, if value is None)."""
    values = deepcopy(SHIPPED if params is None else params_values(params))
    *parents, last = key.split(".")
    node = values
    for part in parents:
        node = node.setdefault(part, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return Params(values)


def test_the_shipped_params_are_in_order():
    """Every section is known, in one order, and passes."""
    problems, told = check(Params(SHIPPED))
    assert problems == []
    assert told[-1] == "splits of 120.0 days: train 94.0, validation 5.0, test 6.0, 3 folds"
    assert list(SHIPPED) == list(SECTIONS)


def test_every_line_of_the_shipped_params_has_its_unit():
    """A leaf has a comment on its line, or on the line of the mapping that holds it."""
    section = ""
    for line in (ROOT / "params.yaml").read_text().splitlines():
        section = line if line and not line.startswith(" ") else section
        is_leaf = line.startswith("  ") and not line.startswith(("    ", "  - "))
        assert not is_leaf or "#" in line or "#" in section, line


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("modle.hidden", 3, ["modle", "is no known section"]),
        ("model.hiden", 3, ["model.hiden", "3", "is no known key"]),
        ("model.hidden", None, ["model.hidden", "is missing"]),
        ("model.hidden", "64", ["model.hidden", "'64'", "integer"]),
        ("model.dropout", 1.0, ["model.dropout", "1.0", "less than 1"]),
        ("transformer.heads", 7, ["heads = 7 must divide transformer.d_model = 32"]),
        ("train.chunk_length", 513, ["train.chunk_length", "513", "<= transformer.max_length = 512"]),
        ("train.sequence_length", 257, ["sequence_length = 257 <= train.chunk_length = 256 must hold"]),
        ("train.minimum_context", 61, ["minimum_context = 61 <= train.sequence_length = 60"]),
        ("train.calibration", "sigmoid", ["train.calibration", "'sigmoid'", "'none', 'platt'"]),
        ("train.learning_rate", -1, ["train.learning_rate", "-1", "greater than 0"]),
        ("data.interval", "5m", ["data.interval", "'5m'", "must be 1m where data.source is simulated"]),
        ("data.interval", "2m", ["data.interval", "'2m'", "'1m', '5m'"]),
        ("data.symbols", [], ["data.symbols", "at least 1"]),
        ("data.symbols", ["A", "A"], ["data.symbols", "A"]),
        ("features.exclude", ["rsi"], ["features.exclude", "rsi is no feature"]),
        ("features.groups", {"returns": True}, ["features.groups", "must name exactly the groups"]),
        ("labels.horizon", 0, ["labels.horizon", "0", "greater than or equal to 1"]),
        ("splits.mode", "random", ["splits.mode", "'random'", "'rolling' or 'expanding'"]),
        ("splits.train", 400.0, ["splits.train = 400.0", "takes 400.7 days of candles, there are 120.0"]),
        ("splits.train", "90d", ["splits.train", "must be days, a number greater than 0, or auto"]),
        ("splits.validation", 0.01, ["splits.validation", "must exceed labels.horizon + splits.embargo"]),
        ("signals.tiers", {"A": [0.6, 1.0], "B": [0.55, 0.65]}, ["signals.tiers", "overlap"]),
        ("signals.risk", 0.0, ["signals.risk", "0.0", "greater than 0"]),
        (
            "instruments",
            {"BTC-USD": "BTCUSD"},
            ["instruments", "must name an instrument for the symbol ETH-USD"],
        ),
        ("instruments.ETH-USD", "ETH", ["instruments.ETH-USD", "'ETH'", "must be one of costs.instruments"]),
        ("execution.latency_s", -1.0, ["execution.latency_s", "-1.0", "greater than or equal to 0"]),
        ("ftmo.guard", 1.0, ["ftmo.guard", "1.0", "less than 1"]),
        ("ftmo.program", "3-step", ["ftmo.programs", "must hold ftmo.program 3-step"]),
        ("gates", {"lstm-direction": {}}, ["gates", "lstm-direction must have at least one gate"]),
        (
            "gates.transformer-trend",
            {"transformer.rank_corelation": {"min": 0.1}},
            ["gates.transformer-trend", "'transformer.rank_corelation'", "nearest is transformer.rank_corr"],
        ),
        ("gates.lstm-direction", {"lstm.mea": {"min": 0.1}}, ["'lstm.mea'", "is no metric"]),
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_rule(key, value, parts):
    """Wrong key, type, range or combination."""
    texts = [problem.text for problem in check(changed(key, value))[0]]
    assert "\n" not in "".join(texts)
    assert any(all(part in text for part in parts) for text in texts), texts


ABSURD = (1e60, -1e60, 10**30, -(10**30), 16**6000, float("inf"), float("-inf"), float("nan"))


def numbers(node, path=()):
    """Paths to all numbers in `node`."""
    if isinstance(node, dict | list):
        for name, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from numbers(inner, (*path, name))
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path


def test_no_number_may_be_absurd():
    """Every one of the shipped params, finite and not, is refused in one line."""
    paths = list(numbers(SHIPPED))
    assert len(paths) > 150
    for section, *path, last in paths:
        for value in ABSURD:
            whole = deepcopy(SHIPPED[section])
            node = whole
            for name in path:
                node = node[name]
            node[last] = value
            mistakes = Params({section: whole}).mistakes(section, SECTIONS[section])
            if section == "sweep" and not mistakes:  # held against the sections that its keys are of
                mistakes = swept_mistakes(SweepParams.model_validate(whole), SHIPPED)
            assert mistakes, (section, path, last, value)
            told = str(mistakes[0])
            assert told.startswith(f"params.yaml: {section}"), told
            assert "\n" not in told
            assert len(told) < 400, told


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "1" * 5000,
        "a: 0x" + "f" * 9000,
        "[" * 5000,
        "a: &a [" + "*a, " * 3 + "]",
        "? [a]\n: 1",
        "\0",
        "- a",
        "!!python/x 1",
    ],
)
def test_a_file_that_is_no_params_is_one_short_line(text, tmp_path):
    """Numbers without end, nesting, loops, keys that are none."""
    (tmp_path / "params.yaml").write_text(text)
    try:
        texts = [problem.text for problem in check(Params.read(tmp_path / "params.yaml"))[0]]
    except ParamsError as error:
        texts = [str(error)]
    assert texts
    assert all("\n" not in each and len(each) < 600 for each in texts)


def test_a_value_that_repeats_itself_a_billion_times_is_shown_in_short(tmp_path):
    """Anchors of YAML share what they name; written out it would fill memory."""
    lines = ["a0: &a0 [1]", *(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12))]
    (tmp_path / "params.yaml").write_text("\n".join(lines) + "\ndata: *a11\n")
    with pytest.raises(ParamsError) as caught:
        Params.read(tmp_path / "params.yaml").section("data", SECTIONS["data"])
    assert len(str(caught.value)) < 400


def with_keys(**changes):
    """The shipped params with several dotted keys set, `__` for each dot."""
    params = Params(SHIPPED)
    for key, value in changes.items():
        params = changed(key.replace("__", "."), value, params)
    return params


def put_candles(folder, symbol, n=7000, **columns):
    """A file of `n` minutes of `symbol` below `folder`."""
    (folder / symbol).mkdir(parents=True)
    candles = random_candles(n).drop(columns=["is_filled", "segment", "file"]).assign(**columns)
    candles.to_parquet(folder / symbol / "1m.parquet")


@pytest.fixture
def exchange(tmp_path, monkeypatch):
    """A project's folder, with five days of two symbols of an exchange in it."""
    monkeypatch.chdir(tmp_path)
    for symbol in ("BTC-USDT", "ADA-USDT"):
        put_candles(tmp_path / "data/raw/BINANCE", symbol)
    (tmp_path / NO_START).touch()
    return "data/raw/BINANCE"


def test_all_mistakes_are_told_at_once(exchange):
    """Keys, a combination, a symbol that is not there and one without an instrument: a line each."""
    params = with_keys(
        data__source="files", data__path=exchange, data__symbols=["BTC-USDT", "ADA-USDT", "ETH-USDT"],
        model__hidden=-3, model__dropot=0.1, train__epochs="many", signals__risk=7.0, modle={"hidden": 3},
    )  # fmt: skip
    texts = [problem.text for problem in check(params)[0]]
    for part in (
        "model.hidden is -3",
        "model.dropot is 0.1: is no known key; nearest is dropout", "train.epochs is 'many'",
        "signals.risk is 7.0", "modle is 'a section': is no known section", "no candles of ETH-USDT",
        "must name an instrument for the symbol ADA-USDT",
    ):  # fmt: skip
        assert sum(part in text for text in texts) == 1, (part, texts)
    assert len(texts) == 7


def test_a_gate_on_no_metric_is_one_short_line():
    """And nothing else is told: artifact, gate, the nearest there is."""
    params = changed("gates.lstm-direction", {"backtest.net_pln": {"min": 0.0}})
    (problem,) = check(params)[0]
    assert problem.message() == (
        "params.yaml: gates.lstm-direction is 'backtest.net_pln': is no metric; nearest is backtest.net_pnl"
    )


@pytest.mark.parametrize(("tier_by", "key"), [("confidence", "tiers"), ("share", "tier_shares")])
def test_a_gate_on_a_tier_that_is_not_in_force_is_one_short_line(tier_by, key):
    """With tier A renamed there is nothing that its gate could be held against, but where null is allowed."""
    renamed = {{"A": "S"}.get(name, name): tier for name, tier in SHIPPED["signals"][key].items()}
    signals = SHIPPED["signals"] | {"tier_by": tier_by, key: renamed, "trade_tiers": ["S"]}
    swept = deepcopy(SHIPPED["sweep"])
    del swept["ranges"]["signals"]["trade_tiers"]  # of tiers that would not be there
    present = changed("sweep", swept, changed("signals", signals))
    problems, _ = check(present)
    (line,) = [problem.message() for problem in problems]
    assert line.endswith("'lstm.precision_tier_a': can't be judged: no tier is called A, there are S, B, C")
    of_all = deepcopy(SHIPPED["gates"])
    del of_all["lstm-direction"]["lstm.precision_tier_a"]
    assert check(changed("gates", of_all, present))[0] == []


def test_a_misspelt_key_is_one_mistake_with_the_nearest_key():
    """Not two: unknown, and the right one missing; in a section, below one, and of a section itself."""
    for key, meant in (("model.hidden", "hiden"), ("costs.instruments.BTCUSD.leverage", "levrage")):
        params = changed(f"{key.rpartition('.')[0]}.{meant}", 3.0, changed(key, None))
        (problem,) = check(params)[0]
        assert problem.text.endswith(f"is no known key; nearest is {key.rpartition('.')[2]}")
    (problem,) = check(Params({{"splits": "split"}.get(key, key): SHIPPED[key] for key in SHIPPED}))[0]
    assert "split is 'a section': is no known section; nearest is splits;" in problem.text


def test_a_folder_that_is_not_there_proposes_those_that_are(exchange):
    """With the symbols in each, as a line to paste."""
    (problem,) = check(with_keys(data__source="files", data__path="data/raw/BINANC"))[0]
    assert "data.path must be a folder of candles, and is not there" in problem.text
    assert problem.proposal == "data:\n  path: data/raw/BINANCE  # ADA-USDT, BTC-USDT"


def test_a_symbol_that_is_not_there_proposes_those_that_are(exchange):
    """Once, whatever number is missing, as lines to paste."""
    params = with_keys(data__source="files", data__path=exchange, data__symbols=["BTC-USD", "ETH-USD"])
    problems, _ = check(params)
    assert ["no candles of" in problem.text for problem in problems] == [True, True]
    assert [problem.proposal for problem in problems] == [
        "", "data:\n  symbols:\n  - ADA-USDT\n  - BTC-USDT",
    ]  # fmt: skip


def test_the_folder_of_a_symbol_proposes_the_exchange_above_it(exchange):
    """A file's name is no symbol to paste."""
    params = with_keys(data__source="files", data__path=f"{exchange}/BTC-USDT", data__symbols=["BTC-USDT"])
    (problem,) = check(params)[0]
    assert "no candles of BTC-USDT" in problem.text
    assert problem.proposal == "data:\n  path: data/raw/BINANCE  # ADA-USDT, BTC-USDT"


def test_a_rule_is_not_buried_below_its_section(exchange):
    """What keys of a section ask of each other is told without all of the section's values."""
    for key, value in (("train.sequence_length", 257), ("ftmo.program", "3-step")):
        (problem,) = check(changed(key, value))[0]
        assert len(problem.text) < 200
        assert "must hold" in problem.text


def merged(values, more):
    """`values` with the mappings of `more` put into its own."""
    both = {key: value for key, value in values.items() if key not in more}
    for key, value in more.items():
        is_map = isinstance(value, dict) and isinstance(values.get(key), dict)
        both[key] = merged(values[key], value) if is_map else value
    return both


def test_the_lines_proposed_for_symbols_without_an_instrument_mend_it(exchange, tmp_path):
    """Pasted, they leave no mistake; a lot is worth 10,000 to 100,000; marked as assumed."""
    put_candles(tmp_path / exchange, "PEPE-USDT", **dict.fromkeys(("open", "high", "low", "close"), 7.3e-6))
    changes = {"data__source": "files", "data__path": exchange}
    params = with_keys(**changes, data__symbols=["BTC-USDT", "ADA-USDT", "PEPE-USDT"])
    problems, _ = check(params)
    assert len(problems) == 2
    pasted = YAML(typ="safe").load(problems[-1].proposal)
    assert pasted["instruments"] == {"ADA-USDT": "ADAUSD", "PEPE-USDT": "PEPEUSD"}
    assert pasted["costs"]["instruments"]["PEPEUSD"]["contract_size"] == 1e10
    assert problems[-1].proposal.count("# assumed") == 2
    dearest = max(each["spread_bps"] for each in SHIPPED["costs"]["instruments"].values())
    assert all(each["spread_bps"] >= dearest for each in pasted["costs"]["instruments"].values())
    mended = merged(params_values(params), pasted)
    assert check(Params(mended))[0] == []


def params_values(params):
    """Its sections as plain mappings."""
    return {name: params.value(name, dict) for name in params.sections}


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC-USDT", "BTCUSD"), ("BTC-USDT-PERP", "BTCUSD"), ("BTCUSDT", "BTCUSD"), ("btc_usd", "BTCUSD"),
        ("ETH-EUR", "ETHEUR"), ("ETH-BTC", "ETHBTC"), ("SOL", "SOL"), ("USDT-USD", "USDTUSD"),
    ],
)  # fmt: skip
def test_an_instrument_is_named_as_brokers_do(symbol, name):
    """Every dollar is one; another quote stays."""
    assert instrument_name(symbol) == name


def test_too_little_history_is_told_in_days_before_anything_runs(exchange):
    """By the span of the files: of all symbols for the splits, of each for its warm-up."""
    changes = {"data__source": "files", "data__path": exchange, "data__symbols": ["BTC-USDT"]}
    _, told = check(with_keys(**changes))
    assert told[1].startswith("BTC-USDT: 7000 candles from ")
    assert told[2].startswith("splits of 4.9 days: train 3.")
    (problem,) = check(with_keys(**changes, splits__train=30))[0]
    assert "that takes 30.7 days of candles" in problem.text
    assert problem.text.endswith("days of candles, there are 4.9")


def test_a_symbol_shorter_than_its_warm_up_is_told(exchange, tmp_path):
    """It would leave an empty table."""
    put_candles(tmp_path / exchange, "ETH-USDT", n=500)
    symbols = ["BTC-USDT", "ETH-USDT"]
    (problem,) = check(with_keys(data__source="files", data__path=exchange, data__symbols=symbols))[0]
    assert "ETH-USDT: its 500 candles are no more than the warm-up of the features, 838" in problem.text


def test_as_the_first_stage_begins_it_only_refuses(capsys, tmp_path, monkeypatch):
    """Silent where all is well; else every mistake, a line each, and what to do, without a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / NO_START.parent).mkdir(parents=True)
    (tmp_path / NO_START).touch()
    main(["--refuse"])
    assert capsys.readouterr() == ("", "")
    text = (ROOT / "params.yaml").read_text().replace("hidden: 64", "hidden: -1")
    text = text.replace("  BTC-USD: BTCUSD\n", "")
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["--refuse"])
    first, second, *proposal, last = ended.value.code.splitlines()
    assert "model.hidden is -1" in first
    assert "must name an instrument for the symbol BTC-USD" in second
    assert [line.strip() for line in proposal] == ["instruments:", "BTC-USD: BTCUSD"]
    assert last == RESTORE
    assert capsys.readouterr().out == ""


def test_the_first_stage_begins_with_the_check():
    """So that `dvc repro` and `dvc exp run -S` refuse before anything is read, as make does."""
    pipeline = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
    name, spec = next(iter(pipeline["stages"].items()))
    assert name == "ingest"
    assert spec["cmd"] == ["python -m commands.check --refuse", "python -m stages.ingest"]


@pytest.mark.skipif(not (ROOT.parent / "shared/market/BITFINEX").is_dir(), reason="needs ../shared/market")
def test_a_year_of_four_symbols_is_told_within_seconds():
    """Files read and all: in processor seconds, which other processes don't change."""
    symbols = ["BTC-USD", "ETH-USD", "LTC-USD", "XRP-USD"]
    path = str(ROOT.parent / "shared/market/BITFINEX")
    started = time.process_time()
    problems, told = check(with_keys(data__source="files", data__path=path, data__symbols=symbols))
    assert time.process_time() - started < 5
    assert problems == []
    assert told[4] == "XRP-USD: 488815 candles from 2018-01-01 00:00 to 2018-12-31 23:59"
