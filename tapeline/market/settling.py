"""The one layout of all files of a symbol, or an error that says how to resolve it."""

from collections.abc import Sequence

import numpy as np

from tapeline.errors import DataError
from tapeline.market.columns import ADVICE
from tapeline.market.sheets import Sheet


def settle_layout(sheets: Sequence[Sheet], requested: str) -> str:
    """Return the one layout of all `sheets`; DataError if rows contradict it or leave it open."""
    if requested != "auto":
        for sheet in sheets:
            _check_requested(sheet, requested)
        return requested
    fits = [_fitting(sheet) for sheet in sheets]
    agreed = fits[0]
    for sheet, fit in zip(sheets, fits, strict=True):
        if not set(agreed) & set(fit):
            rival = next(i for i, other in enumerate(fits) if not set(other) & set(fit))
            raise DataError(
                sheet.name,
                f"has layout {' or '.join(fit)}, but {sheets[rival].name} has {' or '.join(fits[rival])}; "
                "the files of a symbol must share one",
            )
        agreed = [layout for layout in agreed if layout in fit]
    if any(_differ(sheet, agreed) for sheet in sheets):
        raise DataError(
            sheets[0].name, f"every row fits {' and '.join(agreed)} alike, set data.layout to one"
        )
    return agreed[0]


def _fitting(sheet: Sheet) -> list[str]:
    """Layouts that every row of `sheet` obeys; a header or a width that is one layout's alone decides."""
    layouts = list(sheet.orders)
    if sheet.has_header or len({str(order) for order in sheet.orders.values()}) == 1:
        return layouts
    contradictions = {layout: sheet.contradictions(layout) for layout in layouts}
    fit = [layout for layout in layouts if not contradictions[layout].any()]
    if fit:
        return fit
    reasons = ", ".join(
        f"row {sheet.rows[np.argmax(marks)]} is not {layout}" for layout, marks in contradictions.items()
    )
    best = min(layouts, key=lambda layout: contradictions[layout].sum())
    way_out = f"set data.layout to {best} to have such rows rejected"
    raise DataError(sheet.name, f"{reasons}; {ADVICE if _is_wrong(sheet, best) else way_out}")


def _differ(sheet: Sheet, layouts: Sequence[str]) -> bool:
    """Whether two of `layouts` make other candles of `sheet`; a header's first layout is its best."""
    if sheet.has_header:
        return False
    first, *others = layouts
    return any(
        sheet.orders[other] != sheet.orders[first]
        and not np.array_equal(sheet.values(other), sheet.values(first), equal_nan=True)
        for other in others
    )


def _check_requested(sheet: Sheet, requested: str) -> None:
    if requested not in sheet.orders:
        basis = "its header" if sheet.has_header else "its number of columns"
        raise DataError(sheet.name, f"is {' or '.join(sheet.orders)} by {basis}, data.layout is {requested}")
    if not sheet.has_header and _is_wrong(sheet, requested):  # names are no guess
        marks = sheet.contradictions(requested)
        raise DataError(
            f"{sheet.name}, row {sheet.rows[np.argmax(marks)]}",
            f"open or close outside low..high here and in {marks.sum()} of "
            f"{_n_conclusive(sheet, requested)} rows that can tell, data.layout {requested} is wrong",
        )


def _is_wrong(sheet: Sheet, layout: str) -> bool:
    """Whether more rows speak against `layout` than single bad ones, which cleaning rejects."""
    return bool(sheet.contradictions(layout).sum() * 2 > _n_conclusive(sheet, layout))


def _n_conclusive(sheet: Sheet, layout: str) -> int:
    """Count the rows whose prices differ: flat rows fit any order."""
    return int((np.ptp(sheet.values(layout)[:, :4], axis=1) > 0).sum())
