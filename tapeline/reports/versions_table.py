"""The table of promoted versions."""

import pandas as pd

from tapeline.promotion.registry import Registry

FIGURES = ("accuracy_all", "net_pnl", "mae", "rank_correlation")  # that are printed, where a version has them


def versions_table(registry: Registry) -> pd.DataFrame:
    """One row per version: whether in production, its origin, and its figures."""
    lines = []
    for artifact, releases in sorted(registry.releases.items()):
        production = registry.production(artifact)
        for release in releases:
            record = release.record
            metrics = {key: value for file in record.metrics.values() for key, value in file.items()}
            events = registry.history.get(artifact, [])
            assigned = [e.number for e in events if e.version == release.version and not e.withdraws]
            lines.append(
                {
                    "model": artifact,
                    "version": str(release.version),
                    "production": "yes" if production == release else "",
                    "shadow": "yes" if registry.shadow(artifact) == release else "",
                    "bundle": record.bundle_id,
                    "market": record.market.name if record.market else "unknown",
                    "commit": release.commit[:7],
                    "data": record.fingerprints.get("data", "")[:7],
                    "code": record.fingerprints.get("code", "")[:7],
                    "assigned": ",".join(map(str, assigned)),
                    "why": record.why,
                }
                | {key: f"{value:.4g}" for key in FIGURES if (value := metrics.get(key)) is not None}
            )
    return pd.DataFrame(lines).fillna("")
