"""Every feature by other means: plain pandas, without any of the project's code or TA-Lib's."""

import numpy as np
import pandas as pd

HOURS = {"tokyo": ("Asia/Tokyo", 9, 18), "london": ("Europe/London", 8, 17)}
HOURS["new_york"] = ("America/New_York", 8, 17)


def plain_features(t: pd.DataFrame, leader: pd.DataFrame) -> dict[str, pd.Series]:
    """Name to values, on the rows of `t`; `leader` is the leading symbol's candle table."""
    parts = (
        _moves(t),
        _volatilities(t),
        _trends(t),
        _reversions(t),
        _volumes(t),
        _shapes(t),
        _calendar(t["timestamp"]),
        _timeframes(t),
        _leader(t, leader),
    )
    return {name: values for part in parts for name, values in part.items()}


def _moves(t):
    log_close = np.log(t["close"])
    returns = log_close.diff()
    side = np.sign(returns).fillna(0)
    run = side.groupby((side != side.shift()).cumsum()).cumcount() + 1
    return {
        **{f"return_{w}": log_close.diff(w) for w in (1, 5, 15, 60, 240)},
        **{
            f"momentum_z_{w}": log_close.diff(w) / returns.rolling(w).std(ddof=0) / w**0.5
            for w in (15, 60, 240)
        },
        "streak": side * run.clip(upper=20),
    }


def _volatilities(t):
    returns = np.log(t["close"]).diff()
    high, low = np.log(t["high"] / t["open"]), np.log(t["low"] / t["open"])
    close, gap = np.log(t["close"] / t["open"]), np.log(t["open"] / t["close"].shift())
    rogers = (high * (high - close) + low * (low - close)).rolling(30).mean()
    garman = 0.5 * (high - low) ** 2 - (2 * np.log(2) - 1) * close**2
    k = 0.34 / (1.34 + 31 / 29)
    yang = gap.rolling(30).var() + k * close.rolling(30).var() + (1 - k) * rogers
    short, long = (1e4 * returns.rolling(w).std(ddof=0) for w in (15, 240))
    squares = (returns**2).rolling(60).sum()
    bipower = np.pi / 2 * (returns.abs() * returns.shift().abs()).rolling(60).sum()
    return {
        **{f"volatility_{w}": returns.rolling(w).std(ddof=0) for w in (15, 60, 240)},
        "parkinson_30": np.sqrt(((high - low) ** 2).rolling(30).mean() / (4 * np.log(2))),
        "garman_klass_30": np.sqrt(garman.rolling(30).mean()),
        "rogers_satchell_30": np.sqrt(rogers),
        "yang_zhang_30": np.sqrt(yang),
        "volatility_change": np.log1p(short) - np.log1p(long),
        "downside_share_60": (returns.clip(upper=0) ** 2).rolling(60).sum() / squares,
        "jump_share_60": (1 - bipower / squares).clip(lower=0),
    }


def _trends(t):
    steps = t["close"].diff().abs()
    time = pd.Series(np.arange(len(t), dtype=float))
    return {
        **{f"efficiency_{w}": t["close"].diff(w).abs() / steps.rolling(w).sum() for w in (15, 60)},
        **{f"straightness_{w}": t["close"].rolling(w).corr(time) for w in (60, 240)},
    }


def _reversions(t):
    close, returns = t["close"], np.log(t["close"]).diff()
    short, windows = (20, 60, 240), (60, 240, 720)
    low = {w: t["low"].rolling(w).min() for w in windows}
    high = {w: t["high"].rolling(w).max() for w in windows}
    five = np.log(close).diff(5).rolling(240).var(ddof=0)
    return {
        **{f"z_score_{w}": (close - close.rolling(w).mean()) / close.rolling(w).std(ddof=0) for w in short},
        **{f"range_position_{w}": (close - low[w]) / (high[w] - low[w]) for w in windows},
        "drawdown_240": np.log(close / high[240]),
        "rebound_240": np.log(close / low[240]),
        **{f"autocorrelation_{w}": returns.rolling(w).corr(returns.shift()) for w in (60, 240)},
        "variance_ratio_240": five / (5 * returns.rolling(240).var(ddof=0)),
    }


def _volumes(t):
    volume, returns = t["volume"], np.log(t["close"]).diff()
    typical = (t["high"] + t["low"] + t["close"]) / 3
    place = ((t["close"] - t["low"]) - (t["high"] - t["close"])) / (t["high"] - t["low"])
    impact = returns.abs() / (t["close"] * volume)
    vwap = {w: (typical * volume).rolling(w).sum() / volume.rolling(w).sum() for w in (60, 240)}
    obv = {w: (np.sign(returns) * volume).rolling(w).sum() / volume.rolling(w).sum() for w in (60, 240)}
    return {
        "volume_ratio_60": np.log1p(volume / volume.rolling(60).mean()),
        "volume_change": np.log1p(volume.rolling(15).mean() / volume.rolling(240).mean()),
        **{f"obv_{w}": values for w, values in obv.items()},
        "cmf_20": (place * volume).rolling(20).sum() / volume.rolling(20).sum(),
        **{f"vwap_distance_{w}": np.log(t["close"] / values) for w, values in vwap.items()},
        "amihud_60": np.log(impact.rolling(60).mean() / impact.rolling(240).mean() + 0.01),
        "volume_move_correlation_60": volume.rolling(60).corr(returns.abs()),
    }


def _shapes(t):
    ranges, bodies = t["high"] - t["low"], t[["open", "close"]]
    upper, lower = t["high"] - bodies.max(axis=1), bodies.min(axis=1) - t["low"]
    return {
        "body": (t["close"] - t["open"]) / ranges,
        "upper_shadow": upper / ranges,
        "lower_shadow": lower / ranges,
        "close_location": ((t["close"] - t["low"]) - (t["high"] - t["close"])) / ranges,
        "range_ratio_60": np.log1p(ranges / ranges.rolling(60).mean()),
        "body_balance_15": (t["close"] - t["open"]).rolling(15).sum() / ranges.rolling(15).sum(),
        "shadow_balance_15": (lower - upper).rolling(15).sum() / ranges.rolling(15).sum(),
    }


def _calendar(times):
    minute = times.dt.hour * 60 + times.dt.minute
    week = ((times.dt.day_of_week - 3) % 7) * 1440 + minute  # from Thursday on
    open_now = {name: _is_open(times, name) for name in HOURS}
    found = {f"session_{name}": mask.astype(float) for name, mask in open_now.items()}
    found["overlap_tokyo_london"] = (open_now["tokyo"] & open_now["london"]).astype(float)
    found["overlap_london_new_york"] = (open_now["london"] & open_now["new_york"]).astype(float)
    found["weekend"] = times.dt.day_name().isin(["Saturday", "Sunday"]).astype(float)
    for name, angle in (("day", minute / 1440), ("week", week / 10_080)):
        found[f"{name}_sine"] = np.sin(2 * np.pi * angle)
        found[f"{name}_cosine"] = np.cos(2 * np.pi * angle)
    for name in HOURS:
        opening, closing = _borders(times, name)
        found[f"minutes_to_open_{name}"] = _wait(times, opening)
        found[f"minutes_to_close_{name}"] = _wait(times, closing)
    return found


def _is_open(times, name):
    zone, first, after = HOURS[name]
    return times.dt.tz_convert(zone).dt.hour.between(first, after - 1)


def _borders(times, name):
    """Walk the clock minute by minute and note where the session begins and ends."""
    days = pd.Timedelta(days=3)
    clock = pd.Series(pd.date_range(times.min().floor("D") - days, times.max().ceil("D") + days, freq="min"))
    is_open = _is_open(clock, name).astype(int)
    return clock[is_open.diff() == 1], clock[is_open.diff() == -1]


def _wait(times, borders):
    after = pd.merge_asof(
        times.rename("time").to_frame(),
        borders.rename("border").astype(times.dtype).to_frame(),
        left_on="time",
        right_on="border",
        direction="forward",
        allow_exact_matches=False,
    )
    return (after["border"] - after["time"]).dt.total_seconds() / 60


def _timeframes(t):
    found = {}
    for name, rule in (("5m", "5min"), ("15m", "15min"), ("1h", "60min")):
        bars = t.set_index("timestamp").resample(rule, origin="epoch")
        longer = bars.agg({"high": "max", "low": "min", "close": "last", "open": "size"})
        longer = longer[longer["open"] == pd.Timedelta(rule) // pd.Timedelta("1min")]  # whole ones
        close = longer["close"]
        low, high = longer["low"].rolling(12).min(), longer["high"].rolling(12).max()
        columns = pd.DataFrame(
            {
                f"closed_return_{name}": np.log(close).diff(),
                f"closed_volatility_{name}": np.log(close).diff().rolling(12).std(ddof=0),
                f"closed_efficiency_{name}": close.diff(12).abs() / close.diff().abs().rolling(12).sum(),
                f"closed_range_position_{name}": (close - low) / (high - low),
            }
        )
        columns.index = (columns.index + pd.Timedelta(rule)).astype(t["timestamp"].dtype)  # when it closes
        closes = t[["timestamp"]] + pd.Timedelta("1min")
        found |= dict(pd.merge_asof(closes, columns, left_on="timestamp", right_index=True).iloc[:, 1:])
    return found


def _leader(t, leader):
    """The last real close by merging on time: up to 15 candles older than the candle before."""
    real = leader.loc[~leader["is_filled"], ["timestamp", "close"]]
    asked = pd.DataFrame({"timestamp": t["timestamp"] - pd.Timedelta("1min")})
    before = pd.merge_asof(asked, real, on="timestamp", tolerance=pd.Timedelta("15min"))["close"]
    moves = pd.Series(np.log(before.to_numpy())).diff()
    own = np.log(t["close"]).diff()
    return {
        **{f"leader_return_{w}": moves.rolling(w).sum().fillna(0) for w in (1, 5, 15, 60)},
        "leader_spread_15": (own.rolling(15).sum() - moves.rolling(15).sum()).fillna(0),
        "leader_volatility_60": moves.rolling(60).std(ddof=0).fillna(0),
        "leader_correlation_120": own.rolling(120).corr(moves).fillna(0),
    }


def plain_indicators(t: pd.DataFrame) -> dict[str, pd.Series]:
    """TA-Lib's features in plain pandas; recursions begin otherwise and agree once they have forgotten it."""
    high, low, close = t["high"], t["low"], t["close"]
    change, typical = close.diff(), (high + low + close) / 3
    true_low, true_high = np.minimum(low, close.shift()), np.maximum(high, close.shift())
    true_range = true_high - true_low
    ema = {w: close.ewm(span=w, adjust=False).mean() for w in (9, 12, 26, 60)}
    macd = ema[12] - ema[26]
    thrice = close
    for _ in range(3):
        thrice = thrice.ewm(span=15, adjust=False).mean()
    lowest, highest = low.rolling(14).min(), high.rolling(14).max()
    up_move, down_move = high.diff(), -low.diff()
    plus = up_move.where((up_move > down_move) & (up_move > 0), 0.0)
    minus = down_move.where((down_move > up_move) & (down_move > 0), 0.0)
    plus, minus = (100 * _wilder(move) / _wilder(true_range) for move in (plus, minus))
    pressure = {w: (close - true_low).rolling(w).sum() / true_range.rolling(w).sum() for w in (7, 14, 28)}
    flow = typical * t["volume"]
    inflow, outflow = (
        flow.where(side, 0.0).rolling(14).sum() for side in (typical.diff() > 0, typical.diff() < 0)
    )
    x = np.arange(30) - 14.5
    slope = close.rolling(30).apply(lambda w: (x * (w - w.mean())).sum() / (x * x).sum(), raw=True)
    deviation = typical.rolling(20).apply(lambda w: np.abs(w - w.mean()).mean(), raw=True)
    since_high = high.rolling(26).apply(lambda w: np.argmax(w[::-1]), raw=True)
    since_low = low.rolling(26).apply(lambda w: np.argmin(w[::-1]), raw=True)
    return {
        "rsi_14": 100 * _wilder(change.clip(lower=0)) / _wilder(change.abs()),
        "stochastic_14": (100 * (close - lowest) / (highest - lowest)).rolling(3).mean().rolling(3).mean(),
        "cci_20": (typical - typical.rolling(20).mean()) / (0.015 * deviation),
        "macd_histogram": (macd - macd.ewm(span=9, adjust=False).mean()) / close,
        "ultimate_oscillator": 100 * (4 * pressure[7] + 2 * pressure[14] + pressure[28]) / 7,
        "trix_15": 100 * thrice.pct_change(),
        "natr_14": 100 * _wilder(true_range) / close,
        "adx_14": _wilder(100 * (plus - minus).abs() / (plus + minus)),
        "directional_movement_14": plus - minus,
        "ema_distance_12": close / ema[12] - 1,
        "ema_distance_60": close / ema[60] - 1,
        "ema_cross_12_60": ema[12] / ema[60] - 1,
        "slope_30": slope / close,
        "aroon_25": 100 * (since_low - since_high) / 25,
        "mfi_14": 100 * inflow / (inflow + outflow),
    }


def _wilder(values: pd.Series) -> pd.Series:
    return values.ewm(alpha=1 / 14, adjust=False).mean()
