"""What every format gives: cells in rows and columns, before anybody knows what they mean."""

from typing import NamedTuple

import pandas as pd


class Cells(NamedTuple):
    """A file's `table`, whether its columns have names, and the symbol that stands beside the rows."""

    table: pd.DataFrame
    has_header: bool
    symbol: str | None = None
