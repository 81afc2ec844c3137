"""Great Expectations' own Data Docs, of the very suites that the pipeline runs.

Their pages load styles and scripts from the network, so they are an extra, beside the offline report.
"""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context import AbstractDataContext

from tapeline.errors import QualityError
from tapeline.outputs import whole_folder
from tapeline.quality.suites import RESULT_FORMAT, Check, Suite, quiet_context

SITE = "docs"


def write_data_docs(suites: Mapping[str, Iterable[Suite]], folder: Path | str) -> Path:
    """Judge `suites` (by a name for their table) and write the Data Docs into `folder`; return the index.

    As in the pipeline, a suite is run only if the one before it has passed. QualityError if there is
    nothing to judge.
    """
    context = quiet_context()
    assets = context.data_sources.add_pandas("tables")
    n_judged = 0
    for name, of_table in suites.items():
        tables = assets.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        number = itertools.count(1)
        for suite in of_table:
            passed = [
                _judge(context, tables, f"{name} {next(number)}", part.rows, part.checks) for part in suite()
            ]
            n_judged += len(passed)
            if not all(passed):
                break
    if n_judged == 0:
        raise QualityError("there is no table to judge, so Data Docs would show nothing")
    with whole_folder(folder) as aside:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(aside.absolute())}
        context.add_data_docs_site(
            SITE,
            {
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": store,
            },
        )
        context.build_data_docs(site_names=[SITE])
    return Path(folder) / "index.html"


def _judge(
    context: AbstractDataContext,
    tables: gx.core.batch_definition.BatchDefinition[Any],
    name: str,
    table: pd.DataFrame,
    checks: Iterable[Check],
) -> bool:
    """Run one suite so that its result is kept in `context`, each expectation noted with its rule."""
    expectations = []
    for check in checks:
        check.expectation.notes = f"{check.rule} of {check.column}"
        expectations.append(check.expectation)
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=tables, suite=suite)
    )
    checkpoint = gx.Checkpoint(name=name, validation_definitions=[validation], result_format=RESULT_FORMAT)
    return bool(context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": table}).success)
