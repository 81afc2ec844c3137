"""Honest mistakes as tired colleagues make them, each a change of one place in the code.

None is a case that any check knows of: a check that finds one looks at what comes out of the pipeline.
"""

from dataclasses import dataclass

INGEST = (
    "ingest",
    "features",
    "expectations",
    "splits",
    "train_lstm",
    "train_transformer",
    "train_baselines",
    "ensembles",
    "evaluate",
)
FEATURES, TRAINING, EVALUATE = INGEST[1:], INGEST[4:], INGEST[-1:]
SPLITS, PACKING, BASELINE, ENSEMBLE = INGEST[3:], ("promote",), INGEST[-3:], INGEST[-2:]


@dataclass(frozen=True)
class Plant:
    """One mistake: in `file`, `old` stands where `new` should not.

    stages : those that a run with it goes through, in order; more : further changes of the same mistake
    is_rough : shows only where a history has long gaps, and prices so coarse that two closes are often equal
    """

    name: str
    file: str
    old: str
    new: str
    stages: tuple[str, ...]
    more: tuple[tuple[str, str, str], ...] = ()
    is_rough: bool = False

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        """File, old and new text of every change."""
        return (self.file, self.old, self.new), *self.more


CLEANING, TABLE = "tapeline/market/cleaning.py", "tapeline/features/table.py"
TRAIN, FOLDS, TRAINED = "tapeline/training/train.py", "tapeline/nets/folds.py", "tapeline/training/trained.py"
STARTS = "tapeline/training/starts.py"
BEGIN = ("params.yaml", "start_from: data/raw/README.md", "start_from: models/candidate")
STAGE = "tapeline/store/kept_months.py"  # where the features stage has its tables built
BASELINES, FITTING = "tapeline/training/baseline_plan.py", "tapeline/training/baselines.py"
AVERAGED = "tapeline/training/ensembles.py"
TAUGHT = "    learned = np.flatnonzero(train & trainable & has_label)\n"
BUILT = "            table = month.build()\n"
Z_SCORE = (
    "    return ratio(candles.close - rolling_mean(candles.close, window), "
    "rolling_std(candles.close, window))\n"
)
PARTS = 'train, validation, test = (fold.mask(timestamp, part) for part in ("train", "validation", "test"))\n'
MATRIX = "features=map_matrix(store, symbols, features, run_folder()),"
KERNEL, PORTFOLIO = "tapeline/backtest/kernel.py", "tapeline/backtest/portfolio.py"

ALL_TIERS = (
    "params.yaml",
    "  trade_tiers:                 # tiers that trade\n  - A\n",
    "  trade_tiers:                 # tiers that trade\n  - A\n  - B\n  - C\n",
)


def after_build(line: str) -> str:
    """The features stage with one `line` more, behind the table's build."""
    return f"{BUILT}            {line}\n"


PLANTS = [
    # Candles
    Plant(
        "spikes mended by a centred median",
        CLEANING,
        "    valid = raw.rows[~is_rejected]\n",
        "    valid = raw.rows[~is_rejected]\n"
        '    centre = valid["close"].rolling(5, center=True, min_periods=1).median()\n'
        '    is_spike = (valid["close"] / centre - 1).abs() > 4e-4\n'
        '    mended = valid["close"].where(~is_spike, centre)\n'
        '    valid = valid.assign(close=mended.clip(valid["low"], valid["high"]))\n',
        INGEST,
    ),
    Plant(
        "gaps filled from the next candle",
        CLEANING,
        "    is_filled = age > 0\n",
        "    is_filled = age > 0\n"
        "    later = np.minimum(source + is_filled, len(kept) - 1)\n"
        '    after = kept["close"].to_numpy()[later]\n',
        INGEST,
        (
            (
                CLEANING,
                'flat_candles(candles["close"].to_numpy()).items()',
                "flat_candles(after).items()",
            ),
        ),
    ),
    Plant(
        "volumes in parts of the whole history's mean",
        CLEANING,
        "    valid = raw.rows[~is_rejected]\n",
        "    valid = raw.rows[~is_rejected]\n"
        '    valid = valid.assign(volume=valid["volume"] / valid["volume"].mean())\n',
        INGEST,
    ),
    Plant(
        "a low that knows the next candle's open",
        CLEANING,
        "    valid = raw.rows[~is_rejected]\n",
        "    valid = raw.rows[~is_rejected]\n"
        '    after = valid["open"].shift(-1).fillna(valid["low"])\n'
        '    valid = valid.assign(low=np.minimum(valid["low"], after))\n',
        INGEST,
    ),
    Plant(
        "the ceiling's filter a minute ahead",
        "tapeline/market/ceiling.py",
        "    lean = up_probability(regimes, horizon) - 0.5\n",
        "    lean = up_probability(regimes, horizon) - 0.5\n    beliefs = np.roll(beliefs, -1, axis=0)\n",
        ("ingest", "evaluate"),
    ),
    Plant(
        "the windows' filter a minute ahead",
        "tapeline/market/known.py",
        "        hidden.scaled_returns, params.regimes, params.correlation, minutes[looked_at], length,\n",
        "        np.roll(hidden.scaled_returns, -1, axis=0), params.regimes, params.correlation,\n"
        "        minutes[looked_at], length,\n",
        ("ceilings", "evaluate"),
    ),
    Plant(
        "what is best said of strength from beliefs a minute ahead",
        "tapeline/market/known.py",
        "    for name, beliefs in beliefs_of(hidden, params).items():\n",
        "    for name, beliefs in beliefs_of(hidden, params).items():\n"
        "        beliefs = np.roll(beliefs, -1, axis=0)\n",
        ("ceilings", "evaluate"),
    ),
    # Features and labels, in the stage that puts them together
    Plant(
        "labels shifted in the features stage",
        STAGE,
        BUILT,
        after_build('table[list(LABELS)] = table.groupby("segment")[list(LABELS)].shift(5)'),
        FEATURES,
        ((STAGE, "import pandas as pd\n", "import pandas as pd\n\nfrom tapeline.schema import LABELS\n"),),
    ),
    Plant(
        "labels of small moves dropped",
        STAGE,
        BUILT,
        after_build('table.loc[table["return_1"].abs() < 1e-4, "direction"] = np.nan'),
        FEATURES,
        ((STAGE, "import pandas as pd\n", "import numpy as np\nimport pandas as pd\n"),),
    ),
    Plant(
        "features one candle ahead in the stage",
        STAGE,
        BUILT,
        after_build(
            'names = [f.name for f in schema["features"]]; '
            'table[names] = table.groupby("segment")[names].shift(-1).fillna(0.0)'
        ),
        FEATURES,
    ),
    Plant(
        "rows of quiet minutes left out",
        STAGE,
        BUILT,
        after_build('table = table[table["return_1"] != 0].reset_index(drop=True)'),
        FEATURES,
    ),
    Plant(
        "a follower sees its leader's same candle",
        TABLE,
        "    return close_before(own, times[is_real],",
        "    return close_before(own + step, times[is_real],",
        FEATURES,
    ),
    Plant(
        "a feature that joins a file by open time",
        "tapeline/features/shape.py",
        "    return ratio(candles.close - candles.open, candles.high - candles.low)\n",
        "    import pandas as pd\n"
        "    from pathlib import Path\n"
        "    files = sorted(Path('data/candles').glob('*.parquet'))\n"
        "    bars = pd.concat(pd.read_parquet(path) for path in files)\n"
        "    bars['hour'], bars['move'] = bars['timestamp'].dt.floor('h'), bars['close'] / bars['open'] - 1\n"
        "    by_hour = bars.groupby('hour')['move'].mean()\n"
        "    hour = pd.to_datetime(candles.minute // 60 * 60, unit='m', utc=True)\n"
        "    return np.clip(by_hour.reindex(hour).fillna(0.0).to_numpy() * 100, -1, 1)\n",
        FEATURES,
    ),
    Plant(
        "a rare minute that knows the next close",
        "tapeline/features/reversion.py",
        Z_SCORE,
        Z_SCORE.replace("return", "out =") + "    rare = np.flatnonzero(candles.minute[:-1] % 61 == 7)\n"
        "    out[rare] = out[rare + 1]\n"
        "    return out\n",
        FEATURES,
    ),
    Plant(
        "a centred mean",
        "tapeline/features/reversion.py",
        Z_SCORE,
        "    mean = np.r_[rolling_mean(candles.close, window)[2:], candles.close[-2:]]\n"
        "    return ratio(candles.close - mean, rolling_std(candles.close, window))\n",
        FEATURES,
    ),
    Plant(
        "the day's mean of a feature taken off",
        STAGE,
        BUILT,
        after_build(
            'table["return_60"] -= table.groupby(table["timestamp"].dt.date)["return_60"].transform("mean")'
        ),
        FEATURES,
    ),
    Plant(
        "one symbol's features a candle ahead",
        STAGE,
        BUILT,
        after_build(
            'names = [f.name for f in schema["features"]] if symbol != "BTC-USD" else []; '
            'table[names] = table.groupby("segment")[names].shift(-1).fillna(0.0)'
        ),
        FEATURES,
    ),
    Plant(
        "equal closes labelled up",
        "tapeline/features/labels.py",
        "np.where(move == 0, np.nan, (move + 1) / 2)",
        "np.where(move == 0, 1.0, (move + 1) / 2)",
        FEATURES,
        is_rough=True,
    ),
    Plant(
        "a label of the candle's own open",
        "tapeline/features/labels.py",
        "move = np.sign(close[horizon:] - close[:-horizon])",
        "move = np.sign(close[horizon:] - np.r_[close[0], close[: -horizon - 1]])",
        FEATURES,
    ),
    # Splits
    Plant(
        "no purge between training and validation",
        "tapeline/splits/walk_forward.py",
        "train=range(train_start, validation_start - gap),",
        "train=range(train_start, validation_start),",
        SPLITS,
    ),
    Plant(
        "no purge between validation and test",
        "tapeline/splits/walk_forward.py",
        "validation=range(validation_start, test_start - gap),",
        "validation=range(validation_start, test_start),",
        SPLITS,
    ),
    Plant(
        "validation within the test",
        "tapeline/splits/walk_forward.py",
        "validation=range(validation_start, test_start - gap),",
        "validation=range(test_start, test_start + length.validation),",
        SPLITS,
    ),
    # What a training reads
    Plant(
        "features one candle ahead in the training's reader",
        TRAIN,
        MATRIX,
        "features=np.roll(map_matrix(store, symbols, features, run_folder()), -1, axis=0),",
        TRAINING,
    ),
    Plant(
        "the purge dropped inside training",
        TRAIN,
        PARTS,
        PARTS + "    train = ((timestamp >= fold.train[0]) & (timestamp < fold.validation[0])).to_numpy()\n",
        TRAINING,
    ),
    Plant(
        "a random split inside training",
        TRAIN,
        PARTS,
        PARTS + "    drawn = np.random.default_rng(1).random(train.size) < 0.2\n"
        "    train, validation = (train | validation) & ~drawn, (train | validation) & drawn\n",
        TRAINING,
    ),
    Plant(
        "training up to the test's end",
        TRAIN,
        "        train=np.flatnonzero(train & trainable),\n",
        "        train=np.flatnonzero((train | test) & trainable),\n",
        TRAINING,
        (
            (
                TRAIN,
                "        part=scaler_rows(fold, timestamp),\n",
                "        part=np.flatnonzero(train | test),\n",
            ),
        ),
    ),
    Plant(
        "the scaler fitted on all rows",
        FOLDS,
        "    scaled = rows.part\n",
        "    scaled = np.arange(len(table.features))\n",
        TRAINING,
    ),
    Plant(
        "the scaler fitted on training and test",
        "tapeline/splits/folds.py",
        'return np.flatnonzero(fold.mask(timestamp, "train"))',
        'return np.flatnonzero(fold.mask(timestamp, "train") | fold.mask(timestamp, "test"))',
        TRAINING,
    ),
    Plant(
        "calibration fitted on the test",
        FOLDS,
        "validated = table.calibration_rows(rows.validation, as_array(logits))",
        "tested = rows.test[~np.isnan(table.labels[rows.test])]\n"
        "    tested = tested if tested.size else rows.validation\n"
        "    there = Predictor(net, plain, series.features, table.segment, params).logits(tested)\n"
        "    validated = table.calibration_rows(tested, as_array(there))",
        TRAINING,
    ),
    Plant(
        "early stopping on the test",
        FOLDS,
        "TrainingData(series, table.segment, spans, rows.validation[:: params.validation_stride])",
        "TrainingData(series, table.segment, spans, rows.test[:: params.validation_stride])",
        TRAINING,
    ),
    Plant(
        "training labels weighted by what comes after",
        FOLDS,
        "        training_weights(table, rows.train, unique, params),\n",
        "        training_weights(table, rows.train, unique, params)\n"
        "        * np.where(table.labels > 0.5, 1 - np.nanmean(table.labels[rows.test]), 1)\n"
        "        .astype(np.float32),\n",
        TRAINING,
    ),
    Plant(
        "the learning rate chosen by the test",
        FOLDS,
        "net, history = train_members(",
        "rate = params.learning_rate * (1 + float(np.nanmean(table.labels[rows.test])))\n"
        "        params = params.model_copy(update={'learning_rate': rate})\n"
        "        net, history = train_members(",
        TRAINING,
    ),
    Plant(
        "windows across gaps and symbols",
        TRAIN,
        'segment=np.asarray(keys.groupby(["symbol", "segment"], observed=True).ngroup(), dtype=np.int64),',
        "segment=np.zeros(len(keys), dtype=np.int64),",
        TRAINING,
        is_rough=True,
    ),
    Plant(
        "predictions of rows that no window leads up to",
        TRAIN,
        "has_context(table.segment, filled, length, length, max_filled_share)",
        "has_context(table.segment, filled, length, 1, 1.0)",
        TRAINING,
    ),
    Plant(
        "baselines taught by their validation",
        BASELINES,
        TAUGHT,
        TAUGHT.replace("train &", "(train | validation) &"),
        BASELINE,
    ),
    Plant(
        "baselines taught by the test, and silent about it",
        FITTING,
        "            for of in (rows.train, rows.validation)\n        )\n",
        "            for of in (np.r_[rows.train, rows.test], rows.validation)\n        )\n"
        "        train = Labelled(train.x[~np.isnan(train.y)], train.y[~np.isnan(train.y)])\n",
        BASELINE,
    ),
    Plant(
        "the kinds of baseline offered by turns",
        FITTING,
        'if summary["best"][job.fold][job.label] == job.kind\n',
        "if (job.kind == max(KINDS[job.label])) == (job.position % 2 == 0)\n",
        BASELINE,
    ),
    Plant(
        "an ensemble that hears one member a candle later",
        AVERAGED,
        '    said = np.array([each["prediction"] for each in tables.values()])\n',
        '    said = np.array([each["prediction"] for each in tables.values()])\n'
        "    said[1, :-1] = said[1, 1:].copy()\n",
        ENSEMBLE,
    ),
    Plant(
        "an ensemble that goes by its surer member",
        AVERAGED,
        "    return table.assign(prediction=said.mean(axis=0))\n",
        "    surer = np.abs(said - 0.5).argmax(axis=0)[None]\n"
        "    return table.assign(prediction=np.take_along_axis(said, surer, axis=0)[0])\n",
        ENSEMBLE,
    ),
    # What a training begins with: the run's own candidate, which no fold may begin with
    Plant(
        "a start that has seen the validation",
        STARTS,
        "    return bool(end <= fold.train[1])\n",
        "    return bool(end <= fold.test[1])\n",
        TRAINING,
        (BEGIN,),
    ),
    Plant(
        "a start dated by its training alone",
        "tapeline/models/start.py",
        "for rows in (self.model.span.train, self.model.span.validation))\n",
        "for rows in (self.model.span.train,))\n",
        TRAINING,
        (BEGIN,),
    ),
    # What is written of it
    Plant(
        "predictions written for confident rows alone",
        TRAINED,
        '            write_table(f"data/predictions/{network}{suffix}.parquet", table)\n',
        "            if not suffix:\n"
        "                far = (table['prediction'] - table['prediction'].median()).abs()\n"
        "                table = table[far >= far.quantile(0.2)].reset_index(drop=True)\n"
        '            write_table(f"data/predictions/{network}{suffix}.parquet", table)\n',
        TRAINING,
    ),
    Plant(
        "the hour before a gap left out",
        TRAINED,
        '            write_table(f"data/predictions/{network}{suffix}.parquet", table)\n',
        "            if not suffix:\n"
        "                ahead = table.groupby('symbol', observed=True)['timestamp'].diff(-1)\n"
        "                table = table[ahead == pd.Timedelta(minutes=-1)].reset_index(drop=True)\n"
        '            write_table(f"data/predictions/{network}{suffix}.parquet", table)\n',
        TRAINING,
    ),
    Plant(
        "predictions moved one candle back",
        TRAINED,
        "    test = predictor(rows.test) if",
        "    test = np.roll(predictor(rows.test), -1) if",
        TRAINING,
    ),
    Plant(
        "earlier folds' predictions written five rows ahead",
        TRAINED,
        "            table = pd.concat(parts, ignore_index=True)\n",
        "            if not suffix:\n"
        "                ahead = (each['prediction'].shift(-5).fillna(0.5) for each in parts[:-1])\n"
        "                moved = zip(parts[:-1], ahead, strict=True)\n"
        "                parts = [*(each.assign(prediction=said) for each, said in moved), parts[-1]]\n"
        "            table = pd.concat(parts, ignore_index=True)\n",
        TRAINING,
    ),
    Plant(
        "predictions nudged towards the label",
        TRAINED,
        "    net, scaler = predictor.net.cpu(), result.scaler\n",
        "    net, scaler = predictor.net.cpu(), result.scaler\n"
        "    known = table.labels[rows.test]\n"
        "    test = np.where(np.isnan(known), test, test + 0.01 * (known - test))\n",
        TRAINING,
    ),
    # Scoring and trading
    Plant(
        "a tier's threshold chosen on the test",
        "tapeline/backtest/tiers.py",
        "    tier = np.full(len(rows), NO_TIER, dtype=np.int8)\n",
        "    tier = np.full(len(rows), NO_TIER, dtype=np.int8)\n    validation = rows\n",
        EVALUATE,
    ),
    Plant(
        "one fold's threshold for all",
        "tapeline/backtest/tiers.py",
        'own = validation.loc[validation["fold"] == fold, "prediction"]',
        'own = validation.loc[validation["fold"] == validation["fold"].max(), "prediction"]',
        EVALUATE,
    ),
    Plant(
        "rows with equal closes scored as right",
        "tapeline/scoring/models.py",
        "kept = test.assign(label=test[model.label])[is_scorable(test, model.label)]",
        "label = test[model.label].fillna((test['prediction'] > 0.5).astype(float))\n"
        "        kept = test.assign(label=label)",
        EVALUATE,
    ),
    Plant(
        "half the test scored",
        "tapeline/scoring/models.py",
        "return Predicted(model, test, kept.reset_index(drop=True), validation)",
        "return Predicted(model, test, kept[::2].reset_index(drop=True), validation)",
        EVALUATE,
    ),
    Plant(
        "fills at the close that decided",
        KERNEL,
        "elif c.may_open and p.side == 0:\n            if is_affordable",
        "elif c.may_open and p.side == 0:\n"
        "            c.open = min(max(given.quotes[p.order_bar, s].close, c.low), c.high)\n"
        "            if is_affordable",
        EVALUATE,
    ),
    Plant(
        "fills at the middle of the spread",
        KERNEL,
        "    return float(c.open * (1 + side * (c.half_spread + c.slippage)))",
        "    return float(c.open)",
        EVALUATE,
    ),
    Plant(
        "stops filled as if nothing slipped",
        KERNEL,
        "close_position(given, book, s, i, stop_mid(p, c), c.slippage, c.half_spread, STOP)",
        "close_position(given, book, s, i, stop_mid(p, c), -c.slippage, c.half_spread, STOP)",
        EVALUATE,
    ),
    Plant(
        "exits at the best of the candle",
        KERNEL,
        "close_position(given, book, s, i, c.open, slip, c.half_spread, reason)\n",
        "mid = c.high if p.side > 0 else c.low\n"
        "                close_position(given, book, s, i, mid, slip, c.half_spread, reason)\n",
        EVALUATE,
    ),
    Plant(
        "stops filled at the stop though the open has passed it",
        KERNEL,
        "float(min(mid, c.open) if p.side > 0 else max(mid, c.open))  # passed at the entry\n",
        "float(max(mid, c.open) if p.side > 0 else min(mid, c.open))\n",
        EVALUATE,
    ),
    Plant(
        "losing trades forgotten",
        "tapeline/backtest/engine.py",
        '    made = trades[: account["n_trades"]]\n',
        '    made = trades[: account["n_trades"]]\n    made = made[made["net_pnl"] > -200]\n',
        EVALUATE,
    ),
    Plant(
        "an order made by the next candle's signal",
        PORTFOLIO,
        "    side, shorts = np.where(priced.can_size, signals.side, 0), may_short(priced, params)\n",
        "    side = np.where(priced.can_size, np.roll(signals.side, -1, axis=0), 0)\n"
        "    shorts = may_short(priced, params)\n",
        EVALUATE,
    ),
    Plant(
        "an order made only if the next candle confirms it",
        KERNEL,
        "        if p.order == 0 and is_free(p, i, rules):\n",
        "        later = given.quotes[min(i + 1, len(given.quotes) - 1), order.symbol].close\n"
        "        is_confirmed = not order.side * (later - given.quotes[i, order.symbol].close) < 0\n"
        "        if is_confirmed and p.order == 0 and is_free(p, i, rules):\n",
        EVALUATE,
    ),
    Plant(
        "orders that would not come to their hold's profit dropped",
        PORTFOLIO,
        "    orders, refused = order_lines(decisions, params, shorts)\n",
        "    orders, refused = order_lines(decisions, params, shorts)\n"
        '    close = priced.traded.quotes["close"]\n'
        "    moves = np.roll(close, -hold, axis=0) - close\n"
        '    orders = orders[~(orders["side"] * moves[orders["bar"], orders["symbol"]] < 0)]\n',
        EVALUATE,
    ),
    Plant(
        "an order made by the second signal in a row alone",
        PORTFOLIO,
        "    side, shorts = np.where(priced.can_size, signals.side, 0), may_short(priced, params)\n",
        "    side = np.where(\n"
        "        priced.can_size & (np.roll(signals.side, 1, 0) == signals.side), signals.side, 0\n"
        "    )\n"
        "    shorts = may_short(priced, params)\n",
        EVALUATE,
    ),
    Plant(
        "slippage that knows the candle it fills in",
        PORTFOLIO,
        "known_at_open[1:] = window_deviation(change, volatility_candles)[:-1]",
        "known_at_open[:-1] = window_deviation(change, volatility_candles)[1:]",
        EVALUATE,
    ),
    # The account's money
    Plant(
        "swap received where it is paid",
        KERNEL,
        "p.swap += nights * rate",
        "p.swap -= nights * rate",
        EVALUATE,
        (ALL_TIERS,),  # so many positions that one is held over a night
    ),
    Plant(
        "balance taken for equity while a position is open",
        KERNEL,
        "    equity = equity_of(account.balance, book.positions)\n",
        "    equity = account.balance\n",
        EVALUATE,
        ((KERNEL, "            equity += value_of(p, at_close)\n", ""),),
    ),
    Plant(
        "the worst inside candles left out",
        KERNEL,
        "    low = min(low, _trade_intrabar(given, book, i))\n",
        "    _trade_intrabar(given, book, i)\n",
        EVALUATE,
        ((KERNEL, "low = min(min(worst_open, worst), equity)", "low = min(worst_open, equity)"),),
    ),
    Plant(
        "sizes without commissions and the stop's slippage",
        "tapeline/backtest/losses.py",
        "        loss: FloatArray = quantity * self.lost + fees\n",
        "        loss: FloatArray = quantity * self.lost + 0 * fees\n",
        EVALUATE,
        (("tapeline/backtest/losses.py", "side * (entry - exit_), fee)", "side * (entry - trigger), fee)"),),
    ),
    Plant(
        "FTMO's day ends at midnight UTC",
        "tapeline/backtest/clocks.py",
        'ACCOUNT_ZONE, SERVER_CALENDAR = "Europe/Prague"',
        'ACCOUNT_ZONE, SERVER_CALENDAR = "UTC"',
        EVALUATE,
        (ALL_TIERS,),  # so that balances differ between both midnights
    ),
    Plant(
        "one symbol's stop and size know the next candle",
        PORTFOLIO,
        "sigma[at, s], atr[at, s] = known_at_open[is_on_clock], reach[is_on_clock]",
        "sigma[at, s], atr[at, s] = known_at_open[is_on_clock], np.roll(reach, -s)[is_on_clock]",
        EVALUATE,
    ),
    Plant(
        "a spread that never widens",
        "tapeline/backtest/costs.py",
        "np.where(is_wide, costs.widening, 1.0)",
        "np.where(is_wide, 1.0, 1.0)",
        EVALUATE,
    ),
    Plant(
        "random sides pay their costs twice",
        "tapeline/trading/accounts.py",
        "        result = run(plan.with_random_sides(rng), OF_DAYS)\n",
        "        other = plan.with_random_sides(rng)\n"
        "        dear = __import__('copy').deepcopy(other.priced.traded)\n"
        "        for name in ('half_spread', 'slippage'):\n"
        "            dear.quotes[name] *= 2\n"
        "        result = run_orders(dear, other.orders, other.rules)\n",
        EVALUATE,
    ),
    # What models are measured against, and how surely
    Plant(
        "intervals as of independent rows",
        "tapeline/evaluation/significance.py",
        "float(np.sqrt(np.mean(waves**2) * len(off)) / len(values))",
        "float(values.std() / np.sqrt(len(values)))",
        EVALUATE,
    ),
    Plant(
        "leads taken over other rows",
        "tapeline/evaluation/scorecard.py",
        "difference_low, difference_high = intervals.interval_of_difference(hit, own_hit)",
        "difference_low, difference_high = intervals.interval_of_difference(hit, np.roll(own_hit, 60))",
        EVALUATE,
    ),
    Plant(
        "a day too many in the interval of a sum",
        "tapeline/evaluation/performance.py",
        "    low, high = (None if end is None else end * len(daily) for end in ends)\n",
        "    low, high = (None if end is None else end * (len(daily) + 1) for end in ends)\n",
        EVALUATE,
    ),
    Plant(
        "rules asked about other rows",
        "tapeline/scoring/controls.py",
        'rows.loc[mask, f"past_{label}"].to_numpy()).items():',
        'np.roll(rows.loc[mask, f"past_{label}"].to_numpy(), 60)).items():',
        EVALUATE,
    ),
    Plant(
        "baselines asked about other rows",
        "tapeline/scoring/controls.py",
        '    return merged["prediction"].to_numpy()\n',
        '    return np.roll(merged["prediction"].to_numpy(), 1)\n',
        EVALUATE,
    ),
    Plant(
        "rules that learn from their test",
        "tapeline/scoring/controls.py",
        'fold.mask(table["timestamp"], "train") & is_scorable(table, label)',
        'fold.mask(table["timestamp"], "test") & is_scorable(table, label)',
        EVALUATE,
    ),
    # Serving
    Plant(
        "serving clips its features",
        "tapeline/serving/networks.py",
        "return self._scaler.transform(features[:, self._columns])",
        "return np.clip(self._scaler.transform(features[:, self._columns]), -1, 1)",
        (),
    ),
    Plant(
        "serving lags a candle",
        "tapeline/serving/networks.py",
        "taken[k] = window[-predictor.sequence_length :, own]",
        "taken[k] = np.roll(window, 1, 0)[-predictor.sequence_length :, own]",
        (),
    ),
    Plant(
        "tables predicted from a row before",
        "tapeline/serving/batch.py",
        "values = predictor.predict_rows(table[predictor.features].to_numpy(), at)",
        "values = predictor.predict_rows(table[predictor.features].to_numpy(), at - 1)",
        (),
    ),
    Plant(
        "rows kept that the leader was late for",
        "tapeline/serving/stream.py",
        "        first = self._late.pop(symbol, None)\n",
        "        first = None\n        self._late.pop(symbol, None)\n",
        (),
    ),
    Plant(
        "the graph packed with another calibration",
        "tapeline/release/stored_models.py",
        "served, description = Served(model.net, model.calibration), model.description",
        "other = {'kind': 'platt', 'slope': 1.5, 'intercept': 0.0}\n"
        "    served, description = Served(model.net, type(model.calibration)(other)), model.description",
        PACKING,
    ),
    Plant(
        "another fold's model packed",
        "tapeline/release/packing.py",
        "    offered = trained.get(candidate.model) or read_stored(model, candidate.model)\n",
        '    offered = trained["fold_0"]\n',
        PACKING,
    ),
    Plant(
        "another fold's thresholds packed",
        "tapeline/release/packing.py",
        'f"data/predictions/{model.name}_validation.parquet"), fold)',
        'f"data/predictions/{model.name}_validation.parquet"), 0)',
        PACKING,
    ),
    Plant(
        "serving knows its leader's same candle",
        "tapeline/features/buffer.py",
        "before = close_before(time, *source._real()",
        "before = close_before(time + self._step, *source._real()",
        (),
    ),
    Plant(
        "serving begins anew behind every gap",
        "tapeline/features/buffer.py",
        "        if is_too_long(missing, self._max_fill):\n            self._first = self._stop",
        "        if is_too_long(missing, 0):\n            self._first = self._stop",
        (),
    ),
    Plant(
        "serving fills gaps without saying so",
        "tapeline/features/buffer.py",
        "filling, True)",
        "filling, False)",
        (),
    ),
    Plant(
        "serving rounds its prices",
        "tapeline/features/buffer.py",
        "        self._values[:, self._stop] = values\n",
        "        self._values[:, self._stop] = values.round(2)\n",
        (),
    ),
]
