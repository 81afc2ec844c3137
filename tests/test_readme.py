"""Every command in README and CONTRIBUTING is run: here on a tiny pipeline, or by CI itself."""

import re
import time

import pandas as pd
import pytest

from commands.download import parse, read_request
from tapeline.closure import ROOT
from tests.candles import random_candles
from tests.commands.checked import take_for_checked
from tests.tiny_run import tiny_run
from tests.workshop import Workshop

CI = (ROOT / ".ci/run").read_text()
# CI runs these, or a target that runs them too.
RUN_BY_CI = {"make repro", "make test", "make test-all", "make lint"}
ENTERS_THE_ENVIRONMENT = ". .venv/bin/activate"  # the tests' commands run inside it


def commands(name):
    """Lines of the `sh` blocks of a Markdown file, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def targets(name):
    """Make targets that a Markdown file names anywhere."""
    return set(re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text()))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(name):
    """The Makefile has it, with a line of help."""
    makefile = (ROOT / "Makefile").read_text()
    for target in targets(name) - {"target"}:
        assert re.search(rf"^{target}:.*## \w", makefile, flags=re.MULTILINE), target


def test_ci_runs_what_it_stands_for():
    """Lint, the whole suite (which holds the short one) and the pipeline are in .ci/run."""
    assert {f"make {target}" for target in ("lint", "repro", "test-all")} <= set(CI.splitlines())
    assert set(commands("CONTRIBUTING.md")) <= RUN_BY_CI


def test_the_download_of_the_readme_is_one():
    """Its line, as make hands it over, is a request for two markets' candles of a minute."""
    (line,) = re.findall(r"^make download (.*)$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    values = dict(part.split("=", 1) for part in line.split())
    asked = [values.get(name, "") for name in ("EXCHANGE", "SYMBOLS", "SINCE", "UNTIL", "INTERVAL")]
    request = read_request(parse(asked))
    assert request.symbols == ("BTC/USDT", "ETH/USDT")
    assert request.interval == "1m"
    assert request.until is None


def finish_queue(shop):
    """Wait until the queue has worked off its experiments, all well; stop its worker."""
    try:
        for _ in range(300):
            status = shop.run("dvc queue status")
            if not re.search(r"Queued|Running", status.split("Worker status")[0]):
                break
            time.sleep(2)
        assert len(re.findall("Success", status)) == 2, status
    finally:
        shop.run("dvc queue stop --kill", status=None)


@pytest.mark.slow
@pytest.mark.xdist_group("readme")
def test_the_readmes_commands_work_in_their_order(tmp_path, tmp_path_factory):
    """On a tiny market, then on two symbols of files, each line as it stands exits 0."""
    shop = Workshop.copied(tiny_run(tmp_path_factory), tmp_path)
    lines = [line for line in commands("README.md") if line != ENTERS_THE_ENVIRONMENT]
    for k, symbol in enumerate(("BTC-USD", "ETH-USD")):
        folder = tmp_path / "data/raw/EXCHANGE" / symbol
        folder.mkdir(parents=True)
        candles = random_candles(4 * 1440, seed=k).drop(columns=["is_filled", "segment", "file"])
        candles.to_csv(folder / "1m.csv", index=False)
    for line in lines:
        if line == "make promote MODEL=lstm-direction":  # the first promotion was checked and proven in full
            take_for_checked(tmp_path)
        if line not in RUN_BY_CI:
            shop.run(line)
        if line == "dvc queue start":
            finish_queue(shop)
    assert {"lstm-direction@v1.0.0", "lstm-direction@v1.1.0"} <= set(shop.run("git tag").split())
    runs = pd.read_csv(tmp_path / "runs/index.csv", dtype=str)
    queued = runs[runs["model.hidden"].isin(["16", "32"])]
    assert set(queued["verdict"]) <= {"refused", "may be promoted"}
    assert queued["duration_s"].notna().all()
    for name in queued["experiment"]:
        assert list((tmp_path / "runs" / name / "lstm").glob("fold_*/events.*")), name
    (python,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    *imports, read = python.strip().splitlines()
    (tmp_path / "snippet.py").write_text("\n".join([*imports, f"print({read})"]))
    assert "rsi_14" in shop.run("python snippet.py")
