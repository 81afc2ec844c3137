"""What of a run is made again before it is promoted: all of it, in the pipeline's order."""

import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.release.rerun import CHAINS, NOT_AGAIN, STAGES

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def paths(entries):
    """Their paths, of which DVC writes some with options."""
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def test_every_stage_is_made_again_once():
    """A stage that is left out would be read as the run left it, edited or not."""
    assert sorted(STAGES) == sorted(set(PIPELINE) - set(NOT_AGAIN))


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0][0])
def test_a_chain_makes_what_it_reads_before_it_reads_it(chain):
    """Nothing that a later stage of it will make again is read as the run left it."""
    order = [stage for stages in chain for stage in stages]
    for place, stage in enumerate(order):
        needed = paths(PIPELINE[stage]["deps"])
        for later in order[place:]:
            made = paths([*PIPELINE[later].get("outs", []), *PIPELINE[later].get("metrics", [])])
            assert not {path for path in needed for out in made if (path + "/").startswith(out + "/")}, stage
