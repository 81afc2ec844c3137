"""What docs/params.md says of a key that neither its model nor a comment says: units, some meanings."""

from itertools import chain

_KEYS = {
    "candles": (
        "data.max_fill", "labels.horizon", "quality.leak_cuts", "quality.max_quiet", "quality.max_stale",
        "splits.embargo", "transformer.max_length", "train.sequence_length", "train.chunk_length",
        "train.minimum_context", "train.validation_stride", "train.importance_rows", "baselines.stride",
        "evaluation.block", "evaluation.edge_holds", "signals.hold", "signals.atr_candles",
        "execution.volatility_candles", "promotion.replay_candles", "latency.warm_up", "latency.repeats",
    ),
    "days": ("simulation.days", "splits.train", "splits.validation", "splits.test", "live.window_days"),
    "account days": ("ftmo.odds_days", "ftmo.odds_block", "ftmo.programs.NAME.phases.NAME.minimum_days"),
    "minutes": ("simulation.regime_minutes", "data.extra.NAME.max_age"),
    "seconds": (
        "execution.latency_s", "execution.latency_grid_s", "data.extra.NAME.delay_s", "live.late_s",
        "live.poll_s",
    ),
    "milliseconds": ("latency.p99_budget_ms",),
    "server time": ("costs.rollover", "costs.maintenance"),
    "nights": ("costs.swap_nights",),
    "UTC day": ("simulation.start",),
    "date": ("costs.as_of", "ftmo.as_of"),
    "GB": ("data.memory_gb",),
    "share": (
        "data.max_rejected_share", "data.max_filled_share", "quality.max_filled_share",
        "quality.max_gap_share", "quality.max_outsized_share", "quality.min_label_share",
        "quality.max_missing_labels", "model.dropout", "transformer.dropout", "train.warm_up",
        "train.averaging", "evaluation.level", "evaluation.edge_shares", "signals.tier_shares",
        "execution.stop_out", "ftmo.guard", "live.late_share",
    ),
    "share of initial balance": (
        "signals.risk", "ftmo.programs.NAME.daily_loss", "ftmo.programs.NAME.max_loss",
        "ftmo.programs.NAME.phases.NAME.target",
    ),
    "share of equity": ("signals.max_margin",),
    "share of profit": ("ftmo.programs.NAME.best_day",),
    "probability": ("signals.tiers", "live.false_stops"),
    "trend strength": ("signals.minimum_trend", "signals.ablation_trends"),
    "correlation": ("simulation.correlation",),
    "basis points": (
        "simulation.volatility_bps", "costs.basis_bps", "costs.instruments.NAME.spread_bps",
        "costs.instruments.NAME.commission_bps",
    ),
    "sigmas": (
        "simulation.signal", "quality.max_move", "quality.max_seam_move", "execution.slippage",
    ),
    "log units": ("simulation.volatility_spread",),
    "average true ranges": ("signals.stop", "signals.target"),
    "account currency": ("signals.initial_balance",),
    "coins": ("costs.instruments.NAME.contract_size",),
    "lots": ("costs.instruments.NAME.lot_step", "costs.instruments.NAME.maximum_lots"),
    "share of notional a year": (
        "costs.instruments.NAME.swap_long", "costs.instruments.NAME.swap_short",
    ),
    "ratio": ("costs.multiple", "costs.stress", "costs.widening", "costs.instruments.NAME.leverage"),
    "index": ("quality.max_psi", "live.drift"),
    "distance": ("quality.max_ks",),
    "units": ("model.hidden", "transformer.d_model"),
    "rate": ("train.learning_rate", "train.weight_decay", "baselines.learning_rates"),
    "norm": ("train.gradient_clip",),
    "1 / penalty": ("baselines.strengths",),
    "labels": ("train.batch_size", "train.labels_per_epoch"),
    "rows": ("baselines.rows", "baselines.leaf_rows"),
    "epochs": ("train.epochs", "train.patience"),
    "trees": ("baselines.trees", "baselines.patience"),
    "seed": (
        "simulation.seed", "quality.seed", "train.seed", "baselines.seed", "evaluation.seed", "tune.seed",
        "sweep.seed",
    ),
    "processes": ("data.workers", "train.workers", "train.processes", "tune.workers"),
    "threads": ("train.threads", "sweep.workers"),
    "count": (
        "simulation.gaps_per_day", "splits.folds", "model.layers", "transformer.heads", "transformer.layers",
        "train.accumulation", "train.seeds", "baselines.leaves", "evaluation.resamples", "evaluation.bins",
        "signals.max_positions", "ftmo.odds_paths", "ftmo.requests_a_day", "ftmo.positions_a_day",
        "ftmo.positions_at_once", "ftmo.control_runs", "proof.moments", "tune.trials", "tune.unpruned",
        "tune.folds", "sweep.draws",
    ),
}  # fmt: skip
UNITS = dict(chain.from_iterable(((key, unit) for key in keys) for unit, keys in _KEYS.items()))
MEANINGS = {
    "data.extra.NAME.columns": "column of the file: value as it is | price: its log over the candle's close",
    "instruments.NAME": "a symbol, or a pattern like `*-USD`: its instrument, a name in costs.instruments",
    "costs.instruments.NAME.swap_short": "likewise of a short position",
    "ftmo.programs.NAME.daily_loss": "that a day may lose, from the balance at midnight in Prague",
    "ftmo.programs.NAME.max_loss": "that the account may lose, from the initial or, trailing, top balance",
}
