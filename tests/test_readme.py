"""Every command in README, CONTRIBUTING and docs/ is run: here on a tiny pipeline, or by CI itself."""

import re
import time

import pandas as pd
import pytest
from ruamel.yaml import YAML

from commands.download import parse, read_request
from tapeline.checks.sections import check_combinations, check_sections
from tapeline.closure import ROOT
from tapeline.params import Params
from tests.candles import random_candles
from tests.commands.checked import take_for_checked
from tests.tiny_run import tiny_run
from tests.workshop import EASY, Workshop

CI = (ROOT / ".ci/run").read_text()
# CI runs these, or a target that runs them too.
RUN_BY_CI = {"make repro", "make test", "make test-all", "make lint"}
# The tests' commands run inside the environment that these make and enter.
IN_THE_ENVIRONMENT = {"make env", ". .venv/bin/activate"}
# Pages whose commands are typed one after the other, each row from a copy of the same run.
SEQUENCES = {
    "readme": ["README.md"],
    "tutorial": ["docs/tutorial.md"],
    "experiments": ["docs/experiments.md", "docs/searches.md", "docs/simulation.md"],
    "releases": ["docs/own-candles.md", "docs/releases.md", "docs/live.md", "docs/colleague.md"],
}
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
# Which folder of candles, and which symbols in it, the pages of a sequence speak of.
CANDLES = dict.fromkeys(("readme", "tutorial"), ("BINANCE", ("BTC-USDT", "ETH-USDT")))
EXCHANGE = ("EXCHANGE", ("BTC-USD", "ETH-USD"))
ADDRESS = "git@example.org:team/candles.git"
# Checked and proven in full before, in the sequence of releases.
TAKEN_FOR_CHECKED = {
    ("readme", "make promote"),
    ("tutorial", "make promote MODEL=baseline-direction"),
    ("releases", "make promote MODEL=lstm-direction"),
}


def blocks(name, language="sh"):
    """Fenced blocks of a language of a Markdown file, in order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / name).read_text(), flags=re.DOTALL | re.MULTILINE
    )


def commands(name):
    """Lines of the `sh` blocks of a Markdown file, in order."""
    return [line for block in blocks(name) for line in block.splitlines() if line]


def targets(name):
    """Make targets that a Markdown file names anywhere."""
    return set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / name).read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_that_is_named_exists(name):
    """The Makefile has it, with a line of help."""
    makefile = (ROOT / "Makefile").read_text()
    for target in targets(name) - {"target"}:
        assert re.search(rf"^{target}:.*## \w", makefile, flags=re.MULTILINE), target


def test_ci_runs_what_it_stands_for():
    """Lint, the whole suite (which holds the short one) and the pipeline are in .ci/run."""
    assert {f"make {target}" for target in ("lint", "repro", "test-all")} <= set(CI.splitlines())
    assert set(commands("CONTRIBUTING.md")) <= RUN_BY_CI


def test_every_page_with_commands_is_typed():
    """In a sequence, or by CI."""
    typed = {"CONTRIBUTING.md", *(page for pages in SEQUENCES.values() for page in pages)}
    assert {name for name in PAGES if commands(name)} == typed


def test_the_readme_is_short():
    """What takes longer to say stands in docs/."""
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


@pytest.mark.parametrize("name", PAGES)
def test_a_download_that_is_shown_is_one(name):
    """Its line, as make hands it over, is a request for two markets' candles of a minute."""
    for line in re.findall(r"^make download (.*)$", (ROOT / name).read_text(), flags=re.MULTILINE):
        values = dict(part.split("=", 1) for part in line.split())
        asked = [values.get(key, "") for key in ("EXCHANGE", "SYMBOLS", "SINCE", "UNTIL", "INTERVAL")]
        request = read_request(parse(asked))
        assert request.symbols == ("BTC/USDT", "ETH/USDT")
        assert request.interval == "1m"


def test_readme_and_tutorial_show_a_download():
    """Each has one, which the test above reads."""
    for name in ("README.md", "docs/tutorial.md"):
        assert (ROOT / name).read_text().count("\nmake download ") == 1


def merged(values, changes):
    """`values` with what `changes` say in place of it, mapping by mapping."""
    for key, value in changes.items():
        inner = isinstance(value, dict) and isinstance(values.get(key), dict) and value
        values[key] = merged(values[key], value) if inner else value
    return values


PARAMS = [(name, block) for name in PAGES for block in blocks(name, "yaml")]


@pytest.mark.parametrize(("name", "block"), PARAMS, ids=[f"{name} {k}" for k, (name, _) in enumerate(PARAMS)])
def test_params_that_a_page_shows_are_accepted(name, block):
    """Pasted over those that are shipped, they are in order by themselves and with all others."""
    if block.startswith(" "):  # goes on where the block before it ended
        pytest.skip("a part of a section")
    yaml = YAML(typ="safe", pure=True)
    values = merged(yaml.load((ROOT / "params.yaml").read_text()), yaml.load(block))
    problems, sections = check_sections(Params(values))
    assert [*problems, *check_combinations(sections)] == []


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


def put_candles(folder, name):
    """Four days of minutes of two symbols, where the pages of a sequence expect theirs."""
    exchange, symbols = CANDLES.get(name, EXCHANGE)
    for k, symbol in enumerate(symbols):
        place = folder / "data/raw" / exchange / symbol
        place.mkdir(parents=True)
        candles = random_candles(4 * 1440, seed=k).drop(columns=["is_filled", "segment", "file"])
        candles.to_csv(place / "1m.csv", index=False)


def typed(shop, name, lines):
    """Type lines one by one, each of which must exit 0; outputs by line."""
    told = {}
    for line in lines:
        if (name, line) in TAKEN_FOR_CHECKED:
            take_for_checked(shop.folder)
        if line not in RUN_BY_CI | IN_THE_ENVIRONMENT:
            told[line] = shop.run(line)
        if line == "dvc queue start":
            finish_queue(shop)
    return told


@pytest.fixture
def shop(tmp_path, tmp_path_factory):
    """A copy of the tiny run."""
    return Workshop.copied(tiny_run(tmp_path_factory), tmp_path / "project")


@pytest.mark.slow
@pytest.mark.xdist_group("readme")
def test_the_readmes_commands_work_in_their_order(shop):
    """On a tiny market, then on two symbols of files, each line as it stands exits 0."""
    put_candles(shop.folder, "readme")
    typed(shop, "readme", commands("README.md"))
    assert "lstm-direction@v1.0.0" in shop.run("git tag").split()


@pytest.mark.slow
@pytest.mark.xdist_group("tutorial")
def test_the_tutorials_commands_work_in_their_order(shop):
    """On two symbols of files that lie where the download would have put them."""
    put_candles(shop.folder, "tutorial")
    lines = commands("docs/tutorial.md")
    gates = lines.index("dvc repro")
    typed(shop, "tutorial", lines[:gates])
    easier = EASY["baseline-direction"] | {"baseline_direction.ece": {"max": 0.99}}
    shop.set_params({"gates": EASY | {"baseline-direction": easier}})  # as the page has a person edit them
    told = typed(shop, "tutorial", lines[gates:])
    assert "baseline-direction@v1.0.0" in shop.run("git tag").split()
    answers = told["make predict CANDLES=data/raw/BINANCE LAST=2"]
    assert '"status": "predicted"' in answers


@pytest.mark.slow
@pytest.mark.xdist_group("experiments")
def test_the_commands_of_experiments_and_searches_work_in_their_order(shop):
    """The queue is worked off, and its experiments stand in the table with a verdict and their losses."""
    for page in SEQUENCES["experiments"]:
        typed(shop, "experiments", commands(page))
    runs = pd.read_csv(shop.folder / "runs/index.csv", dtype=str)
    queued = runs[runs["model.hidden"].isin(["16", "32"])]
    assert set(queued["verdict"]) <= {"refused", "may be promoted"}
    assert queued["duration_s"].notna().all()
    for name in queued["experiment"]:
        assert list((shop.folder / "runs" / name / "lstm").glob("fold_*/events.*")), name


@pytest.mark.slow
@pytest.mark.xdist_group("releases")
def test_the_commands_of_candles_releases_and_a_colleague_work_in_their_order(shop, tmp_path):
    """From versioned candles to two versions, the way back, a push, and a clone that predicts the same."""
    put_candles(shop.folder, "releases")
    *pages, colleague = SEQUENCES["releases"]
    for page in pages:
        typed(shop, "releases", commands(page))
    assert {"lstm-direction@v1.0.0", "lstm-direction@v1.1.0"} <= set(shop.run("git tag").split())
    assert shop.run("git branch --show-current").strip()  # the way back from a tag ended on the branch
    (python,) = blocks("docs/proofs.md", "python")
    *imports, read = python.strip().splitlines()
    (shop.folder / "snippet.py").write_text("\n".join([*imports, f"print({read})"]))
    assert "rsi_14" in shop.run("python snippet.py")
    (shop.folder / "snippet.py").unlink()
    origin = tmp_path / "origin.git"
    shop.run(f"git init -q --bare {origin} && git remote add origin {origin}")
    first, second, there = blocks(colleague)
    typed(shop, "releases", [line for line in (first + second).splitlines() if line])
    shop.run("make restore")
    lines = [line for line in there.splitlines() if line and line not in IN_THE_ENVIRONMENT]
    assert lines[0].startswith(f"git clone -q {ADDRESS} ")
    clone, enter, *rest = lines
    shop.run(f"cd .. && {clone.replace(ADDRESS, str(origin))}")
    other = Workshop.at(tmp_path / enter.split()[1])
    told = typed(other, "releases", rest)
    assert "all as recorded" in told["make verify"]
    (predict,) = (line for line in rest if line.startswith("make predict"))
    assert told[predict].count('"status": "predicted"') == 6
    assert told[predict] == shop.run(predict)
    assert "up to date" in other.run("dvc repro")
