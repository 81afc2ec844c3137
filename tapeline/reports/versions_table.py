"""Every promoted version as a line of a table."""

import pandas as pd

from tapeline.promotion.registry import Registry

FIGURES = ("accuracy_all", "net_pnl", "mae", "rank_correlation")  # that are printed, where a version has them


def versions_table(registry: Registry) -> pd.DataFrame:
    """One line a version: where it stands, what it is, what it showed."""
    lines = []
    for name, found in registry.index().items():
        for version in found["versions"]:
            metrics = {key: value for file in version["metrics"].values() for key, value in file.items()}
            assigned = [str(a["number"]) for a in found["history"] if a["version"] == version["version"]]
            lines.append(
                {
                    "model": name,
                    "version": version["version"],
                    "production": "yes" if version["version"] == found["production"] else "",
                    "bundle": version["bundle_id"],
                    "market": (version.get("market") or {}).get("name", "unknown"),
                    "commit": version["commit"][:7],
                    "data": version["fingerprints"]["data"][:7],
                    "code": version["fingerprints"]["code"][:7],
                    "assigned": ",".join(assigned),
                    "why": version["why"],
                }
                | {name: f"{metrics[name]:.4g}" for name in FIGURES if metrics.get(name) is not None}
            )
    return pd.DataFrame(lines).fillna("")
