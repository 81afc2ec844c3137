"""A small run made by loops that follow the words of the rules, candle by candle: what the referee examines.

Two symbols, a gap too long to fill in one and a short one filled in the other; two folds; a direction and a
trend; an account of one position per symbol, closed by time or by its stop.
"""

import hashlib
import math
import statistics
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd

from tapeline.referee.baselines import BaselineClaims
from tapeline.referee.claims import ModelClaims, Run
from tapeline.referee.learned import Predictions
from tapeline.referee.orders import Account
from tapeline.referee.random_sides import Tossed
from tapeline.referee.rules import (
    AccountRules,
    InstrumentRules,
    PhaseRules,
    ProgramRules,
    RowRules,
    TierRules,
)
from tapeline.schema import TIMESTAMP_TYPE
from tests.referee.hand_intervals import days_of_path, ends_of_days, ends_of_rows

MINUTE = pd.Timedelta(minutes=1)
START = pd.Timestamp(
    "2026-01-11 15:42", tz="UTC"
)  # a Sunday; the server's ends at 22:00 UTC, Prague's at 23:00
SYMBOLS = ("AAA", "BBB")
N, GAP, FILLED = 460, 25, 3  # candles; missing ones of AAA; of BBB
ROWS = RowRules(
    minutes=1, warm_up=5, horizon=4, embargo=3, sequence_length=6, minimum_context=3, validation_stride=3,
    baseline_stride=2, baseline_rows=200, max_filled_share=0.4, max_fill=15, is_refit=False, bins=4,
    level=0.9,
)  # fmt: skip
TIERS = TierRules("share", {"A": (0.7, 1.0), "B": (0.6, 0.7)}, {"A": 0.2, "B": 0.5}, ("A",), 0.1)
INSTRUMENT = InstrumentRules(
    spread=2e-4, commission=3e-4, step=0.01, maximum=500.0, is_short_allowed=True, swap_long=-0.25,
    swap_short=0.05, leverage=1.0, is_cash=False,
)  # fmt: skip
PROGRAM = ProgramRules(0.05, 0.1, True, None, {"funded": PhaseRules(None, 0)})
ACCOUNT = AccountRules(
    instruments=dict.fromkeys(SYMBOLS, INSTRUMENT), latency_s=0.5, slippage=1.0, volatility_candles=8,
    basis=1e-4, widening=3.0, rollover=("23:55", "00:10"), swap_nights=(1, 1, 1, 1, 3, 0, 2),
    is_exit_commission=True, hold=4, atr_candles=8, stop=1.2, target=0.0, risk=2e-4,
    initial_balance=100_000.0, max_positions=2, max_margin=0.9, guard_loss=math.inf, is_always_open=True,
    programs={"one": PROGRAM}, program="one", is_touch_breach=True, level=0.9,
)  # fmt: skip


class Columns:
    """A table as lists by column: a cell of a table takes longer to read than what is reckoned with it."""

    def __init__(self, table):
        self._of = {name: table[name].tolist() for name in table}

    def __getitem__(self, name):
        return self._of[name]

    def __len__(self):
        return len(self._of["timestamp"])


def make_candles(seed, missing, is_filled):
    """Candles of a walk in which those at `missing` are not there, or are filled flat."""
    rng = np.random.default_rng(seed)
    rows, close, segment = [], 100.0, 0
    for k in range(N):
        before = close
        if k in missing:
            if is_filled:
                rows.append([START + k * MINUTE, close, close, close, close, True, segment])
            continue
        if k - 1 in missing and not is_filled:
            segment += 1
        close = before * math.exp(rng.normal(0, 1e-3)) if rng.random() < 0.95 else before
        high, low = max(before, close) * (1 + 2e-4), min(before, close) * (1 - 2e-4)
        rows.append([START + k * MINUTE, before, high, low, close, False, segment])
    names = "timestamp", "open", "high", "low", "close", "is_filled", "segment"
    return pd.DataFrame(rows, columns=names).astype({"timestamp": TIMESTAMP_TYPE})


def describe(table):
    """What a loop says of each candle: rows of its segment so far, labels, whether its window is right."""
    told = []
    for k in range(len(table)):
        segment = table["segment"][k]
        place = sum(table["segment"][:k] == segment)
        rows, close = place - ROWS.warm_up + 1, table["close"]
        ahead = table[k : k + ROWS.horizon + 1]
        is_there = len(ahead) == ROWS.horizon + 1 and (ahead["segment"] == segment).all()
        direction = strength = math.nan
        if is_there:
            last = close[k + ROWS.horizon]
            path = sum(abs(close[j + 1] - close[j]) for j in range(k, k + ROWS.horizon))
            direction = math.nan if last == close[k] else float(last > close[k])
            strength = abs(last - close[k]) / path if path else math.nan
        length = max(1, min(rows, ROWS.sequence_length))
        share = table["is_filled"][k - length + 1 : k + 1].mean()
        told.append(
            {
                "timestamp": table["timestamp"][k], "rows": rows, "direction": direction,
                "trend_strength": strength, "has_few_filled": share <= ROWS.max_filled_share,
                "is_filled": bool(table["is_filled"][k]), "segment": segment,
            }
        )  # fmt: skip
    return pd.DataFrame(told)


def make_folds(rows_end):
    """Two folds whose tests tile the end: a label and the embargo lie between the parts."""
    gap, folds = (ROWS.horizon + ROWS.embargo) * MINUTE, []
    for k in range(2):
        test = rows_end - (2 - k) * 60 * MINUTE
        validation = test - 70 * MINUTE
        spans = {
            "train": (validation - 220 * MINUTE, validation - gap),
            "validation": (validation, test - gap),
            "test": (test, test + 60 * MINUTE),
        }
        folds.append({name: {"start": a.isoformat(), "end": b.isoformat()} for name, (a, b) in spans.items()})
    return {"folds": folds}


def inside(rows, fold, part):
    """Rows of a part."""
    start, end = (pd.Timestamp(fold[part][side]) for side in ("start", "end"))
    return rows[(rows["timestamp"] >= start) & (rows["timestamp"] < end)]


def record(rows, label=None):
    """The record of rows as a training leaves it."""
    times = [int(t.value // 1000) for t in rows["timestamp"]]
    digest = hashlib.sha256(b"".join(t.to_bytes(8, "little", signed=True) for t in times)).hexdigest()[:16]
    said = [f"{t.tz_localize(None).isoformat(timespec='microseconds')}Z" for t in rows["timestamp"]]
    found = {"rows": len(times), "first": said[0] if said else None, "last": said[-1] if said else None}
    found |= {"digest": digest}
    if label is not None and len(times):
        values = rows[label].tolist()
        found["mean_label"] = sum(values) / len(values)
        found["label_moment"] = sum(y * (k + 1) / len(values) for k, y in enumerate(values)) / len(values)
    return found


def learn(described, fold, label):
    """The record of the rows that a fold's training uses."""
    used = {name: {} for name in ("scaled", "trained", "stopped", "span_firsts", "span_lasts")}
    n_before = 0
    for symbol, rows in described.items():
        part = inside(rows[rows["rows"] >= 1], fold, "train")
        used["scaled"][symbol] = record(part)
        used["trained"][symbol] = record(to_learn(rows, fold, label), label)
        stops = to_validate(rows, fold, label)
        kept = [k for k in range(len(stops)) if (n_before + k) % ROWS.validation_stride == 0]
        n_before += len(stops)
        used["stopped"][symbol] = record(stops.iloc[kept])
        apart = part["timestamp"].diff() != MINUTE
        used["span_firsts"][symbol] = record(part[apart])
        used["span_lasts"][symbol] = record(part[apart.shift(-1, fill_value=True)])
    return used | {"minimum_context": ROWS.minimum_context}


def to_learn(rows, fold, label):
    """Rows that teach: of training, some context, a real candle, a label."""
    part = inside(rows[rows["rows"] >= ROWS.minimum_context], fold, "train")
    return part[~part["is_filled"] & part[label].notna() & part["has_few_filled"]]


def to_validate(rows, fold, label):
    """Rows of validation: a whole window, a real candle, a label."""
    rows = inside(rows, fold, "validation")
    is_whole = (rows["rows"] >= ROWS.sequence_length) & rows["has_few_filled"]
    return rows[is_whole & ~rows["is_filled"] & rows[label].notna()]


def to_test(rows, fold):
    """Rows of a test: a whole window is all that they need."""
    rows = inside(rows, fold, "test")
    return rows[(rows["rows"] >= ROWS.sequence_length) & rows["has_few_filled"]]


def predict(described, folds, label, rng):
    """Predictions that know a little of the label; those of validation are right in the mean."""
    tables = {"test": [], "validation": []}
    for k, fold in enumerate(folds):
        for symbol, rows in described.items():
            for part, chosen in (
                ("test", to_test(rows, fold)),
                ("validation", to_validate(rows, fold, label)),
            ):
                known = chosen[label].fillna(0.5).to_numpy()
                guess = np.clip(0.25 + 0.5 * known + rng.normal(0, 0.15, len(known)), 0.02, 0.98)
                keys = {"symbol": symbol, "timestamp": chosen["timestamp"], "fold": k}
                tables[part].append(pd.DataFrame(keys | {"prediction": guess}))
    return [pd.concat(tables[part], ignore_index=True) for part in ("test", "validation")]


def log_loss(p, y):
    """Mean over rows, by hand."""
    return -sum(b * math.log(a) + (1 - b) * math.log(1 - a) for a, b in zip(p, y, strict=True)) / len(p)


def thresholds(validation):
    """Ranges of both tiers from a fold's own validation."""
    sure = sorted((max(p, 1 - p) for p in validation), reverse=True)
    a, b = (sure[math.ceil(share * len(sure)) - 1] for share in (0.2, 0.5))
    return {"A": (a, 1.0), "B": (b, a)}


def tier_in(p, ranges):
    """Name of the tier of one prediction, or None."""
    sure = max(p, 1 - p)
    if sure >= ranges["A"][0]:
        return "A"
    return "B" if sure >= ranges["B"][0] else None


def server(time):
    """What the server's clock shows in winter."""
    return time + pd.Timedelta(hours=2)


@cache
def half_spread(time):
    """Half the spread of a candle's time: wide on weekends and at rollover."""
    now = server(time)
    is_wide = now.day_name() in ("Saturday", "Sunday") or not "00:10" <= f"{now:%H:%M}" < "23:55"
    return INSTRUMENT.spread / 2 * (ACCOUNT.widening if is_wide else 1)


def size(price, side, half, slip, distance):
    """The last quantity, step by step, that loses no more than the risk at its stop."""
    steps, lost = 0, 0.0
    while lost <= ACCOUNT.risk * ACCOUNT.initial_balance:
        steps += 1
        quantity = steps * INSTRUMENT.step
        entry = price * (1 + side * (half + slip))
        mid = (entry - side * distance) / (1 - side * half)
        exit_ = mid * (1 - side * half - side * slip)
        lost = quantity * (side * (entry - exit_) + INSTRUMENT.commission * (entry + exit_))
    return (steps - 1) * INSTRUMENT.step


def swap_of(candles, side, quantity, entered, upto):
    """Swap of the server's midnights after the entry, by the price there, of a year's rate."""
    swap, time = 0.0, candles["timestamp"]
    for row in range(entered + 1, upto + 1):
        now, before = server(time[row]), server(time[row - 1])
        if now.date() != before.date():
            weight = ACCOUNT.swap_nights[before.weekday()]
            rate = INSTRUMENT.swap_long if side > 0 else INSTRUMENT.swap_short
            swap += weight * rate / 360 * quantity * candles["open"][row]
    return swap


def slip(candles, row):
    """Slippage of a market fill at a candle's open: what the closes before it say, and the basis."""
    closes = candles["close"][row - 9 : row]
    returns = [math.log(b / a) for a, b in pairwise(closes)]
    return statistics.stdev(returns) * math.sqrt(0.5 / 60) + ACCOUNT.basis


def stop_distance(candles, row):
    """From an entry to its stop, as known at a candle's close."""
    ranges = [
        max(candles["high"][j], candles["close"][j - 1]) - min(candles["low"][j], candles["close"][j - 1])
        for j in range(row - 7, row + 1)
    ]
    return ACCOUNT.stop * statistics.mean(ranges)


def is_inside_costs(candles, row):
    """Whether a stop is no further away than what opening and closing costs."""
    half = half_spread(candles["timestamp"][row] + MINUTE)
    one_way = half + slip(candles, row) + INSTRUMENT.commission
    return stop_distance(candles, row) <= 2 * candles["close"][row] * one_way


def hold_on(candles, entered, side, stop):
    """Row, mid and reason of the end of a position: its stop, its time, or the last candle."""
    for row in range(entered, len(candles)):
        if candles["is_filled"][row]:
            continue
        if row >= entered + ACCOUNT.hold:
            return row, candles["open"][row], "time"
        half = half_spread(candles["timestamp"][row])
        worst = candles["low" if side > 0 else "high"][row]
        if side * worst * (1 - side * (half + ACCOUNT.basis)) <= side * stop:
            mid = stop / (1 - side * half)
            return row, candles["open"][row] if side * (candles["open"][row] - mid) < 0 else mid, "stop"
    return row, candles["close"][row], "end"


def trade(candles, calls):
    """Trades of one symbol and orders that the end left: `calls` {row: side}, each filled at the next open.

    Out by stop or after four candles. A call while a position is open, and not over by the next open, is
    none; neither is one whose stop lies inside its costs.
    """
    trades, left, free_from, open_from = [], [], 0, 0
    for decided in sorted(calls):
        if decided < free_from or is_inside_costs(candles, decided):
            continue
        side, now = calls[decided], candles["timestamp"][decided]
        distance = stop_distance(candles, decided)
        quantity = size(
            candles["close"][decided], side, half_spread(now + MINUTE), slip(candles, decided), distance
        )
        following = range(max(decided + 1, open_from), len(candles))
        real = [row for row in following if not candles["is_filled"][row]]
        if not real:
            order = {"side": side, "quantity": quantity, "reason": "end", "decision_time": now}
            left.append(order | {"last_time": candles["timestamp"][len(candles) - 1]})
            break
        entered = real[0]
        opened, half = candles["open"][entered], half_spread(candles["timestamp"][entered])
        entry = opened * (1 + side * (half + slip(candles, entered)))
        row, mid, reason = hold_on(candles, entered, side, entry - side * distance)
        half_out = half_spread(candles["timestamp"][row])
        exit_ = mid * (1 - side * (half_out + slip(candles, row)))
        swap = swap_of(candles, side, quantity, entered, row)
        fees = INSTRUMENT.commission * quantity * (entry + exit_)
        trades.append(
            {
                "side": side, "quantity": quantity, "entry_price": entry, "exit_price": exit_,
                "reason": reason, "decision_time": now, "entry_time": candles["timestamp"][entered],
                "exit_time": candles["timestamp"][row], "gross_pnl": side * quantity * (mid - opened),
                "spread_cost": quantity * (half * opened + half_out * mid),
                "slippage_cost": quantity * (opened * slip(candles, entered) + mid * slip(candles, row)),
                "commission_cost": fees, "swap": swap,
                "net_pnl": side * quantity * (exit_ - entry) - fees + swap,
            }
        )  # fmt: skip
        free_from = entered + ACCOUNT.hold - 1 if reason == "time" else row
        open_from = row if reason == "time" else row + 1
    return trades, left


def path_of(trades, clock, candles):
    """Equity at each close, and the worst before, minute by minute and trade by trade."""
    rows = {symbol: {t: k for k, t in enumerate(table["timestamp"])} for symbol, table in candles.items()}

    def worth(deal, row, name, away=0.0, fee=INSTRUMENT.commission):
        """What closing at a price of the row brings; of a filled row at the close before it."""
        table = candles[deal["symbol"]]
        at, real = name, row
        while table["is_filled"][real]:
            at, away, real = "close", 0.0, real - 1
        side, quantity = deal["side"], deal["quantity"]
        quote = table[at][real] * (1 - side * (half_spread(table["timestamp"][real]) + away))
        entered = rows[deal["symbol"]][deal["entry_time"]]
        swap = swap_of(table, side, quantity, entered, row)
        paid = INSTRUMENT.commission * quantity * deal["entry_price"] + fee * quantity * quote
        return side * quantity * (quote - deal["entry_price"]) + swap - paid

    told = []
    for now in clock:
        at_open = inside = at_close = ACCOUNT.initial_balance
        for deal in trades:
            entry, exit_, net = deal["entry_time"], deal["exit_time"], deal["net_pnl"]
            row = rows[deal["symbol"]].get(now)
            at_open += net if exit_ < now else worth(deal, row, "open") if entry < now else 0.0
            extreme = "low" if deal["side"] > 0 else "high"
            if exit_ <= now:
                inside, at_close = inside + net, at_close + net
            elif entry <= now:
                inside += worth(deal, row, extreme, ACCOUNT.basis)
                at_close += worth(deal, row, "close", fee=0.0)
        told.append((at_close, min(at_open, inside, at_close)))
    return pd.DataFrame(told, columns=["equity", "equity_low"], index=pd.DatetimeIndex(clock))


def phase_of(trades, path):
    """The one phase that nothing ends, by the words of the objectives, day by day in Prague (UTC+1)."""
    initial, rows = ACCOUNT.initial_balance, {now: k for k, now in enumerate(path.index)}

    def balance_at(now):
        """Closed trades, and what open ones have paid."""
        closed = sum(deal["net_pnl"] for deal in trades if deal["exit_time"] <= now)
        held = [deal for deal in trades if deal["entry_time"] <= now < deal["exit_time"]]
        paid = sum(INSTRUMENT.commission * deal["quantity"] * deal["entry_price"] for deal in held)
        return initial + closed - paid

    by_date = {}
    for now in path.index:
        by_date.setdefault((now + pd.Timedelta(hours=1)).date(), []).append(now)
    midnight, highest, daily, deepest, made = initial, initial, math.inf, math.inf, []
    for moments in by_date.values():
        highest = max(highest, midnight)
        low = min(path["equity_low"].iloc[rows[now]] for now in moments)
        daily = min(daily, low - (midnight - PROGRAM.daily_loss * initial))
        deepest = min(deepest, low - (highest - PROGRAM.max_loss * initial))
        made.append(balance_at(moments[-1]) - midnight)
        midnight = balance_at(moments[-1])
    opened = {(deal["entry_time"] + pd.Timedelta(hours=1)).date() for deal in trades}
    gains = [value for value in made if value > 0]
    return {
        "status": "open", "first_bar": 0, "bar": len(path) - 1, "daily_margin": daily, "max_margin": deepest,
        "days": len(by_date), "trading_days": len(opened), "profit": midnight - initial,
        "best_day_share": max(gains) / sum(gains) if gains else None,
    }  # fmt: skip


def make_account(candles, predictions, strengths, ranges, folds_of=(0, 1), toss=None):
    """Trades of the calls in tier A whose trend is strong enough, and the account's figures by hand.

    toss : throws the sides in place of the predictions
    """
    candles = {symbol: Columns(table) for symbol, table in candles.items()}
    allowed = {(r.symbol, r.timestamp): r.prediction for r in strengths.itertuples()}
    trades, refused, n_inside = [], [], 0
    for symbol, table in candles.items():
        row_of = {time: row for row, time in enumerate(table["timestamp"])}
        own = predictions[(predictions["symbol"] == symbol) & predictions["fold"].isin(folds_of)]
        calls = {
            row_of[r.timestamp]: toss.choice([-1, 1]) if toss else 1 if r.prediction >= 0.5 else -1
            for r in own.itertuples()
            if tier_in(r.prediction, ranges[r.fold]) == "A"
            and allowed.get((symbol, r.timestamp), 0) >= TIERS.minimum_trend
            and not table["is_filled"][row_of[r.timestamp]]
        }
        made, left = trade(table, calls)
        trades += [deal | {"symbol": symbol} for deal in made]
        refused += [order | {"symbol": symbol} for order in left]
        n_inside += sum(is_inside_costs(table, row) for row in calls)
    start = predictions.loc[predictions["fold"].isin(folds_of), "timestamp"].min()
    clock = pd.date_range(start, START + (N - 1) * MINUTE, freq="min")
    path = path_of(trades, clock, candles)
    peak, fallen, inside = ACCOUNT.initial_balance, 0.0, 0.0
    for value, low in zip(path["equity"], path["equity_low"], strict=True):
        inside = max(inside, 1 - low / peak)
        peak = max(peak, value)
        fallen = max(fallen, 1 - value / peak)
    net = sum(deal["net_pnl"] for deal in trades)
    figures = {
        "trades": len(trades),
        "net_pnl": net,
        "max_drawdown": fallen,
        "max_drawdown_inside": inside,
        "unfilled_orders": len(refused),
        "phases": {"one": {"possible": {"funded": phase_of(trades, path)}}},
        "ftmo": {"breached": 0, "first_phase_passed": 0},
    }
    figures |= {"refused_entries": n_inside} if folds_of == (0, 1) else {}
    days = days_of_path(path["equity"], ACCOUNT.initial_balance)
    low, high = ends_of_days(list(days.values()), ACCOUNT.level)
    figures |= {"daily_net_pnl": days, "net_pnl_low": low, "net_pnl_high": high, "probabilistic_sharpe": None}
    times = dict.fromkeys(("decision_time", "last_time"), TIMESTAMP_TYPE)
    names = "symbol", "side", "quantity", "reason", *times
    orders = pd.DataFrame(refused, columns=names).astype({"side": int, "quantity": float} | times)
    table = pd.DataFrame(trades).astype(
        {f"{when}_time": TIMESTAMP_TYPE for when in ("decision", "entry", "exit")}
    )
    return Account(table, orders, path), figures


def make_tossed(given, account):
    """Three runs of the same decisions with coins, and of all how many made as much as the account."""
    runs = [make_account(*given, toss=np.random.default_rng(seed))[0].trades for seed in range(3)]
    net = np.array([trades["net_pnl"].sum() for trades in runs])
    as_good = sum(made >= account.trades["net_pnl"].sum() for made in net)
    return Tossed(net, runs), (1 + as_good) / 4


def labelled(table, described, label):
    """Predictions beside labels where a row can be scored."""
    known = pd.concat(rows.assign(symbol=symbol) for symbol, rows in described.items())
    merged = table.merge(known, on=["symbol", "timestamp"], how="inner")
    return merged[~merged["is_filled"] & merged[label].notna()]


def above_ceiling(right, best, y):
    """How far each row is above what the filter expects, less the filter's luck as far as it is shared."""
    expects = [max(p, 1 - p) for p in best]
    luck = [float((p > 0.5) == (b == 1)) - e for p, b, e in zip(best, y, expects, strict=True)]
    above = [hit - e for hit, e in zip(right, expects, strict=True)]
    slope = sum(a * b for a, b in zip(above, luck, strict=True)) / sum(b * b for b in luck)
    return [a - slope * b for a, b in zip(above, luck, strict=True)]


def score_direction(rows, ceiling, ranges):
    """Figures of a direction by hand, and its tiers'."""
    y, p = rows["direction"].tolist(), rows["prediction"].tolist()
    right = [(a >= 0.5) == (b == 1) for a, b in zip(p, y, strict=True)]
    best = [ceiling[(r.symbol, r.timestamp)] for r in rows.itertuples()]
    times = rows["timestamp"].tolist()
    tier = [tier_in(r.prediction, ranges[r.fold]) for r in rows.itertuples()]
    tiers = {}
    for name in ("A", "B"):
        own = [hit for hit, of in zip(right, tier, strict=True) if of == name]
        tiers[name] = {"rows": len(own), "coverage": len(own) / len(p), "precision": sum(own) / len(own)}
    metrics = {
        "rows": len(p),
        "accuracy_all": sum(right) / len(p),
        **dict(
            zip(
                ("accuracy_all_low", "accuracy_all_high"), ends_of_rows(right, times, ROWS.level), strict=True
            )
        ),
        "above_ceiling_low": ends_of_rows(above_ceiling(right, best, y), times, ROWS.level)[0],
        "log_loss": log_loss(p, y),
        "brier": sum((a - b) ** 2 for a, b in zip(p, y, strict=True)) / len(p),
        "ceiling": sum((a > 0.5) == (b == 1) for a, b in zip(best, y, strict=True)) / len(p),
    }
    return metrics, tiers


def correlation_of_ranks(one, other):
    """Spearman's, equal values sharing the mean of their ranks."""
    ranks = [[sum(b < a for b in of) + (sum(b == a for b in of) + 1) / 2 for a in of] for of in (one, other)]
    return statistics.correlation(*ranks)


def ceilings_by_hand(direction, strengths, best):
    """What is told of those that are given less, on labelled rows; and of trend strength from everything."""

    def told(rows, label, column):
        pairs = [(best[r.symbol, r.timestamp], getattr(r, label)) for r in rows.itertuples()]
        pairs = [(known, y) for known, y in pairs if not math.isnan(getattr(known, column))]
        return [known for known, _ in pairs], [y for _, y in pairs]

    def hit_rates(known, labels, name):
        said = [getattr(each, name) for each in known]
        right = [(p > 0.5) == (y == 1) for p, y in zip(said, labels, strict=True)]
        sure = [p if p > 0.5 else 1 - p for p in said]
        return {"accuracy": statistics.mean(right), "expected_accuracy": statistics.mean(sure)}

    def errors(known, labels, ending):
        median, grade = (
            [getattr(k, f"strength_{kind}{ending}") for k in known] for kind in ("median", "grade")
        )
        mae = statistics.mean(abs(m - y) for m, y in zip(median, labels, strict=True))
        return {"mae": mae, "rank_correlation": correlation_of_ranks(grade, labels)}

    of_direction, of_strength = {}, {}
    for name in ("from_returns", "window"):
        known, labels = told(direction, "direction", name)
        everything = hit_rates(known, labels, "probability")
        of_direction[name] = {"rows": len(known)} | hit_rates(known, labels, name)
        of_direction[name] |= {f"{key}_of_everything": value for key, value in everything.items()}
    known, labels = told(strengths, "trend_strength", "strength_median_window")
    everything = errors(known, labels, "")
    of_strength["window"] = {"rows": len(known)} | errors(known, labels, "_window")
    of_strength["window"] |= {f"{key}_of_everything": value for key, value in everything.items()}
    everything = errors(*told(strengths, "trend_strength", "strength_median"), "")
    return of_direction, of_strength, {f"ceiling_{key}": value for key, value in everything.items()}


def make_models(described, folds, tables, columns):
    """What both trainings leave: records of rows, calibration, scaler, loss of validation."""
    found = {}
    for label, (_, validation) in tables.items():
        training, models = {"rows": {}, "folds": {}}, {}
        for k, fold in enumerate(folds):
            own = labelled(validation[validation["fold"] == k], described, label)
            loss = log_loss(own["prediction"], own[label])
            training["rows"][f"fold_{k}"] = learn(described, fold, label)
            training["folds"][f"fold_{k}"] = {"validation_loss_calibrated": loss}
            values = [
                columns[symbol][i]
                for symbol, rows in described.items()
                for i, time in enumerate(rows[rows["rows"] >= 1]["timestamp"])
                if pd.Timestamp(fold["train"]["start"]) <= time < pd.Timestamp(fold["train"]["end"])
            ]
            scaler = {"mean": [statistics.mean(values)], "std": [statistics.pstdev(values)]}
            models[f"fold_{k}"] = {"calibration": {"kind": "none"}, "features": ["one"], "scaler": scaler}
        found[label] = training, models
    return found


def make_baseline(predictions, described, folds, learned):
    """A baseline that says what a model says: every second of its rows, fewer where those are too many."""
    training, models = learned
    label, rows, losses = predictions.label, {}, {}
    for k, fold in enumerate(folds):
        name, table = f"fold_{k}", predictions.validation
        own = labelled(table[table["fold"] == k], described, label)
        loss = log_loss(own["prediction"], own[label])
        squares = [(a - b) ** 2 for a, b in zip(own["prediction"], own[label], strict=True)]
        losses[name] = {"validation_loss": loss if label == "direction" else sum(squares) / len(squares)}
        every = pd.concat(to_learn(part, fold, label).assign(symbol=s) for s, part in described.items())
        step = 2
        while math.ceil(len(every) / step) > ROWS.baseline_rows:
            step += 1
        thinned = every.iloc[::step]
        rows[name] = {
            "scaled": training["rows"][name]["scaled"],
            "trained": {s: record(thinned[thinned["symbol"] == s], label) for s in SYMBOLS},
            "chosen": {s: record(to_validate(part, fold, label)) for s, part in described.items()},
        }
    claimed = replace(predictions, name=f"baseline of {label}", test=a_little_off(predictions.test))
    return BaselineClaims(claimed, losses, rows, models, "baseline")


def a_little_off(test):
    """What the baselines say of a test: every third prediction is the other way round."""
    said = [1 - p if k % 3 == 0 else p for k, p in enumerate(test["prediction"])]
    return test.assign(prediction=said)


def ask_controls(label, test, described, folds):
    """What rules and baseline say of a test's rows, row by row, from what each fold's training shows."""
    past = {}
    for symbol, rows in described.items():
        for k in range(len(rows)):
            began = k - ROWS.horizon
            is_known = (
                began >= 0 and rows["rows"][began] >= 1 and rows["segment"][began] == rows["segment"][k]
            )
            past[symbol, rows["timestamp"][k]] = rows[label][began] if is_known else math.nan
    learned = []
    for fold in folds:
        seen = []
        for symbol, rows in described.items():
            part = inside(rows[(rows["rows"] >= 1) & ~rows["is_filled"] & rows[label].notna()], fold, "train")
            seen += [(y, past[symbol, t]) for y, t in zip(part[label], part["timestamp"], strict=True)]
        mean = sum(y for y, _ in seen) / len(seen)
        learned.append((mean, max(sum(y == before for y, before in seen) / len(seen), 0.500001)))
    said = []
    for row in test.itertuples():
        (mean, went_on), before = learned[row.fold], past[row.symbol, row.timestamp]
        is_known = not math.isnan(before)
        if label == "direction":
            on = 0.5 if not is_known else went_on if before else 1 - went_on
            said.append({"majority": mean, "last_return": on, "reversal": 1 - on})
        else:
            said.append({"mean": mean, "persistence": before if is_known else mean})
    return test.assign(baseline=a_little_off(test)["prediction"], **pd.DataFrame(said, index=test.index))


def score_controls(label, asked, described):
    """Figures of each control on the rows that can be scored, and how far the model leads."""
    rows = labelled(asked, described, label)
    times, y = rows["timestamp"].tolist(), rows[label].tolist()
    names = [name for name in asked if name not in ("symbol", "timestamp", "fold", "prediction")]

    def worth(said):
        """What each row is worth."""
        pairs = list(zip(said, y, strict=True))
        return [float((p >= 0.5) == (b == 1)) if label == "direction" else -abs(p - b) for p, b in pairs]

    own, table = worth(rows["prediction"]), {}
    for name in names:
        theirs = worth(rows[name])
        low, high = ends_of_rows([a - b for a, b in zip(own, theirs, strict=True)], times, ROWS.level)
        table[name] = {"difference_low": low, "difference_high": high}
        if label == "direction":
            low, high = ends_of_rows(theirs, times, ROWS.level)
            figures = {"accuracy": statistics.mean(theirs), "low": low, "high": high}
            difference = "difference"
            figures["log_loss"] = log_loss(rows[name], y)
        else:
            figures, difference = {"mae": -statistics.mean(theirs)}, "mae_difference"
        table[name] |= figures | {difference: statistics.mean(own) - statistics.mean(theirs)}
    leads = {
        "lead_over_rules_low": min(table[name]["difference_low"] for name in names if name != "baseline"),
        "lead_over_controls_low": min(figures["difference_low"] for figures in table.values()),
        "lead_over_controls_high": min(figures["difference_high"] for figures in table.values()),
    }
    if label == "direction":
        return table, leads | {"accuracy_best_control": max(told["accuracy"] for told in table.values())}
    best = min(told["mae"] for told in table.values())
    skill = 1 + statistics.mean(own) / table["mean"]["mae"]
    return table, leads | {"mae_best_control": best, "skill_over_mean": skill}


def make_run():
    """A run in which everything is as it has to be."""
    candles = {
        "AAA": make_candles(1, range(200, 200 + GAP), is_filled=False),
        "BBB": make_candles(2, range(392, 392 + FILLED), is_filled=True),
    }
    described = {symbol: describe(table) for symbol, table in candles.items()}
    splits = make_folds(START + N * MINUTE)
    folds, rng = splits["folds"], np.random.default_rng(3)
    tables = {label: predict(described, folds, label, rng) for label in ("direction", "trend_strength")}
    columns = {symbol: rng.normal(3, 2, sum(rows["rows"] >= 1)) for symbol, rows in described.items()}
    learned = make_models(described, folds, tables, columns)
    test, validation = tables["direction"]
    ranges = {k: thresholds(validation.loc[validation["fold"] == k, "prediction"]) for k in range(2)}
    ceilings = {
        symbol: table[["timestamp"]].assign(probability=rng.uniform(0.3, 0.7, len(table)))
        for symbol, table in candles.items()
    }
    answers = "strength_median", "strength_grade"
    ceilings = {
        symbol: table.assign(
            from_returns=rng.uniform(0.3, 0.7, len(table)),
            window=np.where(np.arange(len(table)) % 3, np.nan, rng.uniform(0.3, 0.7, len(table))),
            **{name: rng.random(len(table)).round(2) for name in answers},
            **{
                f"{name}_window": np.where(np.arange(len(table)) % 3, np.nan, rng.random(len(table)))
                for name in answers
            },
        )
        for symbol, table in ceilings.items()
    }
    best = {(s, r.timestamp): r.probability for s, t in ceilings.items() for r in t.itertuples()}
    scored = labelled(test, described, "direction")
    metrics, tiers = score_direction(scored, best, ranges)
    own, _ = score_direction(scored[scored["fold"] == 1], best, ranges)
    metrics |= {f"candidate_{key}": own[key] for key in ("accuracy_all", "accuracy_all_low")}
    controls, leads = score_controls(
        "direction", ask_controls("direction", test, described, folds), described
    )
    metrics |= leads
    trend_test, trend_validation = tables["trend_strength"]
    rows = labelled(trend_test, described, "trend_strength")
    off = [abs(r.prediction - r.trend_strength) for r in rows.itertuples()]
    trend_metrics = {
        "rows": len(off), "mae": sum(off) / len(off), "rmse": math.sqrt(sum(e * e for e in off) / len(off)),
    }  # fmt: skip
    ends = ends_of_rows(off, rows["timestamp"].tolist(), ROWS.level)
    trend_metrics |= dict(zip(("mae_low", "mae_high"), ends, strict=True))
    asked = ask_controls("trend_strength", trend_test, described, folds)
    trend_controls, leads = score_controls("trend_strength", asked, described)
    trend_metrics |= leads
    told = {(s, r.timestamp): r for s, t in ceilings.items() for r in t.itertuples()}
    of_direction, of_strength, strength_at_best = ceilings_by_hand(scored, rows, told)
    trend_metrics |= strength_at_best
    detail = {"tiers": tiers, "ranges": {name: list(ends) for name, ends in ranges[1].items()}}
    lstm = Predictions("lstm", "direction", test, validation)
    transformer = Predictions("transformer", "trend_strength", trend_test, trend_validation)
    models = (
        ModelClaims(lstm, *learned["direction"], metrics, detail, controls, of_direction),
        ModelClaims(transformer, *learned["trend_strength"], trend_metrics, {}, trend_controls, of_strength),
    )
    baselines = (
        make_baseline(lstm, described, folds, learned["direction"]),
        make_baseline(transformer, described, folds, learned["trend_strength"]),
    )
    features = {
        symbol: rows[rows["rows"] >= 1][["timestamp", "direction", "trend_strength"]].reset_index(drop=True)
        for symbol, rows in described.items()
    }
    accounts = {
        "backtest": make_account(candles, test, trend_test, ranges),
        "candidate": make_account(candles, test, trend_test, ranges, (1,)),
    }
    tossed, p_value = make_tossed((candles, test, trend_test, ranges), accounts["backtest"][0])
    accounts["backtest"][1]["ftmo"]["zero_edge_p_value"] = p_value
    return Run(
        candles,
        features,
        lambda symbol, names: dict.fromkeys(names, columns[symbol]),
        ceilings,
        splits,
        models,
        baselines,
        accounts,
        tossed,
    )


def with_model(run, position, **changes):
    """The same run with other claims of one model."""
    models = list(run.models)
    models[position] = replace(models[position], **changes)
    return replace(run, models=tuple(models))


def with_predictions(run, position, **tables):
    """The same run with other stored predictions of one model."""
    predictions = replace(run.models[position].predictions, **tables)
    return with_model(run, position, predictions=predictions)


def with_trades(run, change):
    """The same run whose account `backtest` has trades changed by `change`, and the figures of those."""
    account, figures = run.accounts["backtest"]
    trades = change(account.trades.copy())
    figures = figures | {"trades": len(trades), "net_pnl": trades["net_pnl"].sum()}
    return replace(run, accounts=run.accounts | {"backtest": (replace(account, trades=trades), figures)})


def with_path(run, path, figures):
    """The same run whose account `backtest` tells another path, and some `figures` of it."""
    account, told = run.accounts["backtest"]
    return replace(run, accounts=run.accounts | {"backtest": (replace(account, path=path), told | figures)})
