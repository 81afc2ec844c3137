"""The table of cells that every file format is parsed into; its columns are not yet identified."""

from typing import NamedTuple

import pandas as pd


class Cells(NamedTuple):
    """A file's `table`, whether its columns have names, and the symbol that stands beside the rows."""

    table: pd.DataFrame
    has_header: bool
    symbol: str | None = None
