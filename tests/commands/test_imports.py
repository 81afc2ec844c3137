"""Commands that are to answer at once wait for no library that they have no use for yet."""

import subprocess
import sys

import pytest

from tapeline.closure import ROOT


@pytest.mark.parametrize(
    ("commands", "idle"),
    [
        (("check",), {"scipy.stats", "sklearn", "torch"}),
        pytest.param(
            ("promote", "prove", "check_release"),
            {"dvclive", "lightning_fabric", "sklearn", "torch"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_command_begins_without_what_it_may_never_need(commands, idle):
    """Torch waits for the training of a proof, or for a run that was not checked before."""
    code = f"import sys, {', '.join(f'commands.{name}' for name in commands)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert idle & set(done.stdout.split()) == set()
