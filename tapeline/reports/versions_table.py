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
            assigned = [a.number for a in registry.history.get(artifact, []) if a.version == release.version]
            lines.append(
                {
                    "model": artifact,
                    "version": str(release.version),
                    "production": "yes" if production == release else "",
                    "bundle": record.bundle_id,
                    "market": record.market.name if record.market else "unknown",
                    "commit": release.commit[:7],
                    "data": record.fingerprints["data"][:7],
                    "code": record.fingerprints["code"][:7],
                    "assigned": ",".join(map(str, assigned)),
                    "why": record.why,
                }
                | {key: f"{value:.4g}" for key in FIGURES if (value := metrics.get(key)) is not None}
            )
    return pd.DataFrame(lines).fillna("")
