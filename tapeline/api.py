"""What others import: `from tapeline import api`, then any of `api.__all__`; docs/library.md shows each.

Nothing is imported before it is asked for, so that whoever wants the splits does not wait for Numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapeline.errors import TapelineError
    from tapeline.library.accounts import Account, account_from_equity, account_from_trades
    from tapeline.library.backtests import Backtest, backtest
    from tapeline.library.bundles import predict
    from tapeline.library.challenges import judge_account, pass_probability
    from tapeline.library.features import describe_features, feature_table
    from tapeline.library.folds import FoldRows, walk_forward_folds
    from tapeline.library.leaks import audit_features

EXTRAS = {"predict": "serve"}  # that a name needs beside a bare install
# Where each name lives.
MODULES = {
    "Account": "library.accounts",
    "Backtest": "library.backtests",
    "FoldRows": "library.folds",
    "TapelineError": "errors",
    "account_from_equity": "library.accounts",
    "account_from_trades": "library.accounts",
    "audit_features": "library.leaks",
    "backtest": "library.backtests",
    "describe_features": "library.features",
    "feature_table": "library.features",
    "judge_account": "library.challenges",
    "pass_probability": "library.challenges",
    "predict": "library.bundles",
    "walk_forward_folds": "library.folds",
}
__all__ = [
    "Account", "Backtest", "FoldRows", "TapelineError", "account_from_equity", "account_from_trades",
    "audit_features", "backtest", "describe_features", "feature_table", "judge_account", "pass_probability",
    "predict", "walk_forward_folds",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"tapeline.api has no {name}; it has {', '.join(__all__)}")
    try:
        return getattr(import_module(f"tapeline.{MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if name not in EXTRAS:
            raise
        told = f"tapeline.api.{name} needs {error.name}: pip install 'tapeline[{EXTRAS[name]}]'"
        raise ImportError(told) from error


def __dir__() -> list[str]:
    return __all__
