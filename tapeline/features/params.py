"""Params of features and labels: which are switched on, how far a label looks."""

from typing import Annotated

from pydantic import Field, field_validator

from tapeline.errors import ParamsError
from tapeline.extra import GROUP as EXTRA
from tapeline.features.catalog import FEATURES, GROUPS
from tapeline.features.declare import Feature
from tapeline.params import Section
from tapeline.schema import Horizon, Interval


class LabelParams(Section):
    """Section `labels`."""

    horizon: Horizon


class FeatureParams(Section):
    """Section `features`: groups on or off, and single features left out of groups that are on."""

    groups: dict[str, bool]
    exclude: Annotated[tuple[str, ...], Field(strict=False)]

    @field_validator("groups")
    @classmethod
    def _check_groups(cls, groups: dict[str, bool]) -> dict[str, bool]:
        if set(groups) != set(GROUPS):
            raise ValueError(f"must name exactly the groups {', '.join(GROUPS)}")
        if not any(groups.values()):
            raise ValueError("must switch on at least one group")
        return groups

    @field_validator("exclude")
    @classmethod
    def _features_of(cls, exclude: tuple[str, ...]) -> tuple[str, ...]:
        # Those of data.extra are held against its tables, where these are read.
        unknown = sorted(name for name in set(exclude) - set(FEATURES) if not name.startswith(f"{EXTRA}_"))
        if unknown:
            raise ValueError(f"{unknown[0]} is no feature; there are {', '.join(FEATURES)}")
        return exclude


def selected_features(params: FeatureParams, interval: Interval) -> list[Feature]:
    """Features that `params` switch on, in table order; ParamsError if none is left.

    Those of higher timeframes are made of minutes, so there are none for candles of another interval.
    """
    groups = {group for group, is_on in params.groups.items() if is_on}
    if interval != "1m":
        groups -= {"timeframes"}
    chosen = [f for f in FEATURES.values() if f.group in groups and f.name not in params.exclude]
    if not chosen:
        raise ParamsError("features.exclude", list(params.exclude), "leaves no feature")
    return sorted(chosen, key=lambda feature: GROUPS.index(feature.group))
