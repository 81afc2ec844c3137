"""Figures of a run with everything in it, as large as they come: for tests of the page's looks."""

import numpy as np
import pandas as pd

from tapeline.models.table import MODELS, NETWORKS

HOURS, N_TRADES = 18 * 24, 230
SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "DOGE-USDT")


def equity() -> pd.DataFrame:
    """An account that falls far below the floor at which it is closed, as hours of plots/equity.csv."""
    times = pd.date_range("2024-04-12", periods=HOURS, freq="h", tz="UTC")
    path = 100_000 + 9_000 * np.sin(np.arange(HOURS) / 40) - 900.0 * np.maximum(np.arange(HOURS) - 300, 0)
    peak = np.maximum.accumulate(path)
    floors = {"daily_floor": 95_000.0, "account_floor": 90_000.0}
    return pd.DataFrame(
        {"timestamp": times, "equity": path, "lowest": path - 300, **floors, "drawdown": 1 - path / peak}
    )


def plots() -> dict[str, pd.DataFrame]:
    """plots/NAME.csv by NAME."""
    share = np.linspace(0.1, 0.9, 15)
    money = {
        "net_pnl": [-19_014.5, -27_532.8],
        "net_pnl_low": [-42_657.2, -44_728.1],
        "net_pnl_high": [19_102.3, 5_887.6],
    }
    days = pd.date_range("2024-04-12", periods=60, freq="D", tz="UTC")
    return {
        "equity": equity(),
        "odds": pd.DataFrame(
            {"q05": 9e4, "q25": 95e3, "q50": 1e5, "q75": 11e4, "q95": 12e4, "day": [1, 2], "kind": "model"}
        ),
        "reliability": pd.DataFrame(
            {
                "mean_probability": share,
                "observed": share,
                "low": share - 0.05,
                "high": share + 0.05,
                "count": 3439,
            }
        ),
        "confidence": pd.DataFrame(
            {"confidence": [0.55, 0.7], "accuracy": [0.55, 0.71], "low": 0.5, "high": 0.75, "count": 3439}
        ),
        "daily_pnl": pd.DataFrame({"day": days, "net_pnl": np.cos(np.arange(60)) * 3000}),
        "latency": pd.DataFrame({"latency_s": [0.0, 60.0], **money}),
        "cost_stress": pd.DataFrame({"multiple": [0.0, 2.0], **money}),
    }


def trades() -> pd.DataFrame:
    """Single trades that come to the account's figures."""
    times = pd.Series(pd.date_range("2024-04-12", periods=N_TRADES, freq="h", tz="UTC"))
    net = np.round(-118_084.1 / N_TRADES + 500 * np.sin(np.arange(N_TRADES)), 2)
    net[-1] += -118_084.1 - net.sum()
    return pd.DataFrame(
        {
            "symbol": [SYMBOLS[k % 4] for k in range(N_TRADES)],
            "side": np.where(np.arange(N_TRADES) % 2, 1, -1),
            "quantity": 4.38,
            "entry_price": 12_169.074625,
            "exit_price": 12_166.794136,
            "gross_pnl": net + 40.25,
            "net_pnl": net,
            "reason": "time",
            "decision_time": times,
            "entry_time": times,
            "exit_time": times + pd.Timedelta(minutes=15),
        }
    )


ACCOUNT = {
    "days": 18,
    "trades": N_TRADES,
    "net_pnl": -118_084.1,
    "net_pnl_low": -209_339.3,
    "net_pnl_high": -29_540.9,
    "gross_pnl": 157_507.7,
    "max_drawdown_inside": 1.27332387333,
    "longest_drawdown_days": 16.98,
    "spread_cost": 96_480.9,
    "slippage_cost": 98_438.0,
    "commission_cost": 79_976.1,
    "swap": -696.79,
    "win_rate": 0.5260525219,
    "refused_entries": 2,
    "is_within_limits": 0,
}
FTMO = {
    "zero_edge_p_value": 0.009900990099,
    "first_phase_passed": 0,
    "breached": 1,
    "pass_probability": 0.9295,
    "pass_probability_low": 0.08755,
    "pass_probability_high": 1.0,
    "pass_probability_random_sides": 0.0096,
}
DIRECTION = {
    "rows": 51_579,
    "accuracy_all": 0.6900288877,
    "accuracy_all_low": 0.674244834,
    "accuracy_all_high": 0.7058129415,
    "ceiling": 0.7506155606,
    "share_of_ceiling": 0.9192840169,
    "ece": 0.01350029119,
    "ece_low": 0.0101327366,
    "ece_high": 0.02713714203,
    "brier_skill": 0.1728766188,
    "accuracy_best_control": 0.6704860505,
}
CONTROL = {
    "accuracy": 0.6704860505,
    "low": 0.6505850513,
    "high": 0.6903870498,
    "log_loss": 0.6157424839,
    "roc_auc": 0.722469547,
    "difference": 0.0195428372,
    "difference_low": 0.0105,
    "difference_high": 0.0285,
    "diebold_mariano": 6.845498722,
    "p_value": 0.0004778745264,
}
CONTROLS = "majority", "last_return", "logistic_regression", "gradient_boosting"
RULES = "tiers A, LSTM alone", "tiers A+B+C, trend of at least 0.35", "as traded"
OWN = {
    "rows": 17_212,
    "accuracy_all": 0.7003834534,
    "accuracy_all_low": 0.6623831161,
    "accuracy_all_high": 0.7383837907,
}


def metrics() -> dict[str, dict]:
    """metrics/NAME.json by NAME."""
    strength = {"rows": 51_582, "mae": 0.1916563177, "rank_correlation": 0.1603733809}
    models = {model.name: DIRECTION if model.label == "direction" else strength for model in MODELS}
    card = {
        "first": "2024-01-01T00:00:00Z",
        "last": "2024-04-29T23:59:00Z",
        "rows": 172_252,
        "market": "BINANCE",
    }
    latency = {"all_latency_p99_ms": 2.34010952, "all_latency_p50_ms": 1.32}
    found = {"backtest": ACCOUNT, "ftmo": FTMO, "promotion": {"passed": 0}, "latency": latency}
    return {"data": dict.fromkeys(SYMBOLS, card), **models, **found}


def detail() -> dict[str, dict]:
    """metrics/detail/NAME.json by NAME."""
    gates = [
        _gate("lstm.accuracy_all", 0.6900288877, ">= 0.68", "passed", "0.690029 is >= 0.68"),
        *(
            _gate("backtest.net_pnl_low", -209_339.3, ">= 0", "failed", "-209339 is not >= 0")
            for _ in range(27)
        ),
        *(
            _gate(
                "lstm.accuracy_without_ceiling",
                None,
                "<= 0.6",
                "not_judged",
                "not defined on these candles, which is allowed",
            )
            for _ in range(4)
        ),
        _gate(
            "ftmo.pass_probability_gain",
            0.08,
            ">= 0",
            "insufficient_data",
            "0.08 is >= 0; 18 traded days do not block before 60",
        ),
    ]
    traded = {key: value for key, value in ACCOUNT.items() if key not in ("days", "refused_entries")}
    symbols = dict.fromkeys(SYMBOLS, traded)
    scored = {
        "controls": dict.fromkeys(CONTROLS, CONTROL),
        "brier": {"brier": 0.2067807799},
        "folds": {f"fold_{k}": OWN for k in range(9)},
        "sessions": dict.fromkeys(("tokyo", "london_new_york"), OWN),
    }
    points = {"0": {"latency_s": 0.0, "net_pnl": -5.0}, "60": {"latency_s": 60.0, "net_pnl": -51_164.8}}
    origin = {
        "name": "BINANCE",
        "source": "files",
        "interval": "1m",
        "description": "Candles of BINANCE, 1m.",
        "symbols": {
            s: {
                "market": "BINANCE",
                "files": 1,
                "first": "2024-01-01T00:00:00Z",
                "last": "2024-04-29T23:59:00Z",
            }
            for s in SYMBOLS
        },
    }
    bundle = {
        "bundle_id": "2b27c7fcf87c1f04",
        "fingerprints": {"data": "95b4106cc1fe92c3"},
        "span": {},
        "refit": False,
    }
    return {
        "expectations": {"passed": True, "failures": [], "leaks": [], "audits": []},
        "splits": {"audits": [], "failures": [], "leaks": []},
        "evaluation": {
            **{model.name: scored if model.label == "direction" else {} for model in MODELS},
            "candidate": {"model": "fold_2", "figures_of": "fold_2", **{model.name: OWN for model in MODELS}},
        },
        "backtest": {
            "trades": {"average_win": 88.05, "ended_by": {"time": 2220, "stop": 173}},
            "symbols": symbols,
            "latency": points,
            "cost_stress": points,
            "daily_net_pnl": {},
            "ablation": dict.fromkeys(RULES, ACCOUNT),
            "candidate": {"from": "2024-04-24 00:00:00+00:00", "figures_of": "fold_2", "account": ACCOUNT},
            "ftmo": {"phases": {}, "odds": {}, "starts": {"2-step": {"starts": 19, "open": 17, "passed": 2}}},
        },
        "promotion": {
            "bundles": {"lstm-direction": bundle | {"market": origin}, "transformer-trend": bundle},
            "gates": gates,
        },
        "baselines_training": {"best": {"fold_0": {"direction": "gradient_boosting", "trend_strength": "b"}}},
        **{f"{m.name}_training": {"folds": {"fold_0": {"epochs": 1}}, "symbols": {}} for m in NETWORKS},
    }


def _gate(gate: str, value: float | None, limit: str, status: str, reason: str) -> dict:
    told = {"gate": gate, "value": value, "limit": limit, "margin": None, "status": status, "reason": reason}
    return {"artifact": "lstm-direction", **told}
