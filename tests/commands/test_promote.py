"""A model's life: promoted, followed, refused, rolled back, restored; and every way it can go wrong."""

import json
import shutil
import subprocess
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.registry import Registry
from tapeline.release.recheck import Checked
from tapeline.release.rerun import STAGES, Rerun
from tests.candles import random_candles
from tests.commands.checked import take_for_checked
from tests.commands.edits import EDITS
from tests.tiny_run import tiny_run
from tests.warm import warm_python
from tests.workshop import EASY, Workshop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("promote")]

LSTM, TRANSFORMER = "lstm-direction", "transformer-trend"
BASELINE, BASELINE_TREND = "baseline-direction", "baseline-trend"
ENSEMBLE = "ensemble-direction"
BASELINES = dict.fromkeys((BASELINE, BASELINE_TREND), "v1.0.0")  # in production from the first promotion on


class Repository(Workshop):
    """A copy of a workshop that is asked what is in production."""

    @property
    def registry(self):
        """As the tags say."""
        return Registry(self.folder, ARTIFACTS)

    def versions(self):
        """In production, by artifact."""
        return {name: str(self.registry.production(name).version) for name in self.registry.history}

    def in_production(self, artifact):
        """Id of the verified bundle that lies there."""
        return verify_bundle(self.folder / "models/promoted" / artifact).bundle_id

    def state(self):
        """Everything a promotion may change."""
        files = sorted(path for path in (self.folder / "models/promoted").rglob("*") if path.is_file())
        index = self.folder / "models/registry.json"
        return (
            self.run("git tag"),
            {str(path): path.read_bytes() for path in files},
            index.read_bytes() if index.exists() else None,
        )

    def whole(self):
        """Production is what the tags say, and the index can be made again from them alone."""
        for name in self.registry.history:
            assert self.in_production(name) == self.registry.production(name).record.bundle_id
        index = self.folder / "models/registry.json"
        before = index.read_bytes()
        index.unlink()
        self.run("make registry")
        assert index.read_bytes() == before
        return json.loads(before)

    def run_and_commit(self, **changes):
        """Change params, run the pipeline, commit, and take it for checked."""
        self.set_params(changes)
        self.run("dvc repro")
        self.commit("run")
        take_for_checked(self.folder)


# The run made again and replayed, as `make promote` has it done first.
CHECK = """python -c '
from pathlib import Path
from tapeline.params import Params
from tapeline.release.recheck import check_run
check_run(Path(), Params.read(), print)
'"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run with gates that let it pass, committed, nothing promoted."""
    shop = Repository.copied(tiny_run(tmp_path_factory), tmp_path_factory.mktemp("ran"))
    (shop.folder / ".git/checked").write_text(shop.run(CHECK))
    shop.run("make prove SEED=5")  # recorded, so that no test need prove this run again
    return shop


@pytest.fixture(scope="module")
def promoted(ran, tmp_path_factory):
    """v1.0.0 of all in production, and another LSTM committed, not promoted."""
    shop = Repository.copied(ran.folder, tmp_path_factory.mktemp("promoted"))
    shop.run("make promote")
    shop.run_and_commit(model={"hidden": 5})
    return shop


@pytest.fixture
def shop(promoted, tmp_path):
    """A copy of `promoted` of the test's own."""
    return Repository.copied(promoted.folder, tmp_path)


def test_a_models_life(ran, tmp_path):
    """Promoted, followed by patch, minor and major, refused, rolled back and forward, checked out whole.

    Where the network is no better than the rules it is refused, and the rule goes into production instead.
    """
    shop = Repository.copied(ran.folder, tmp_path)
    first = shop.run("make promote")
    proof = shop.registry.production(LSTM).record.proof
    assert f"proved before: {proof.moments} moments" in first
    assert proof.moments == sum(part.trials for part in proof.parts) > proof.asked
    assert (proof.seed, proof.asked, proof.proved_on) == (5, 10, "fold_1")
    assert proof.bundles[LSTM] == shop.in_production(LSTM)
    assert all(part.values > 10_000 for part in proof.parts)
    assert "the run was made again and replayed before, and every byte of it is as then" in first
    assert "lstm-direction v1.0.0 is in production" in first
    assert shop.versions() == {LSTM: "v1.0.0", TRANSFORMER: "v1.0.0", ENSEMBLE: "v1.0.0"} | BASELINES
    packed = {name: shop.in_production(name) for name in ARTIFACTS}
    shop.whole()
    # The gates that a tiny run has, and those of the release, of which the champion's had nothing to judge.
    assert "in production (the first in production): 4 of 7 gates passed, 3 not judged: " in first
    assert "release.gain_over_champion_high (nothing is in production)" in first
    assert "trials.jsonl: 1 of 1 trials are new; commit it" in first
    assert shop.run("git status --porcelain") == "?? trials.jsonl\n"
    assert "up to date" in shop.run("dvc status")
    predictions = (shop.folder / "data/predictions/lstm.parquet").read_bytes()

    shop.run_and_commit(simulation={"days": 5})
    patch = shop.run("make promote")
    assert "patch: data changed" in patch
    assert "trials.jsonl" not in patch  # other candles are no other configuration
    assert shop.versions() == dict.fromkeys(ARTIFACTS, "v1.0.1")
    patched = shop.in_production(LSTM)

    shop.run_and_commit(model={"hidden": 5})
    minor = shop.run("make promote")
    for name in (TRANSFORMER, BASELINE, BASELINE_TREND):  # a network's params are none of a baseline's
        assert f"{name}: is v1.0.1 already, left as it is" in minor
    assert "minor: params changed" in minor
    # An ensemble is its members.
    others = dict.fromkeys((TRANSFORMER, *BASELINES), "v1.0.1") | {ENSEMBLE: "v1.1.0"}
    assert shop.versions() == {LSTM: "v1.1.0"} | others

    shop.run_and_commit(labels={"horizon": 10})
    assert "major: contract" in shop.run("make promote MODEL=lstm-direction")
    assert shop.versions() == {LSTM: "v2.0.0"} | others
    shop.whole()

    lead = {"lstm.lead_over_controls_low": {"min": 0.0}}  # which no rule does as well as the network
    shop.run_and_commit(gates=EASY | {LSTM: EASY[LSTM] | lead}, model={"hidden": 6})
    before = shop.state()
    refused = shop.run("make promote MODEL=lstm-direction", status=2)
    assert (
        "refused: lstm-direction by 1 of 8 gates: lstm.lead_over_controls_low; lstm-direction is not surely "
        "better than the best control: promote the mean of LSTM and best baseline, `make promote "
        "MODEL=ensemble-direction`, or the best baseline of direction, `make promote "
        "MODEL=baseline-direction`\n"
    ) in refused
    assert shop.state() == before
    for name in (BASELINE, ENSEMBLE):
        shop.run(f"make promote MODEL={name}")
        others |= {name: "v2.0.0"}
    assert shop.versions() == {LSTM: "v2.0.0"} | others

    shop.run("make rollback MODEL=lstm-direction TO=v1.0.0 WHY='it lost money'")
    assert shop.in_production(LSTM) == packed[LSTM]
    assert shop.registry.history[LSTM][-1].why == "it lost money"
    shop.run("make rollback MODEL=lstm-direction TO=v2.0.0")
    assert shop.versions()[LSTM] == "v2.0.0"
    shop.run("make rollback MODEL=lstm-direction")
    assert shop.versions()[LSTM] == "v1.0.0"
    shop.run("make rollback MODEL=lstm-direction TO=v1.0.1")
    assert shop.in_production(LSTM) == patched
    index = shop.whole()
    told = [entry["version"] for entry in index[LSTM]["history"]]
    assert told == ["v1.0.0", "v1.0.1", "v1.1.0", "v2.0.0", "v1.0.0", "v2.0.0", "v1.0.0", "v1.0.1"]

    shop.run("make rollback MODEL=baseline-direction TO=v1.0.0 WHY='a network beat it'")
    assert shop.in_production(BASELINE) == packed[BASELINE]
    shop.run("make rollback MODEL=ensemble-direction TO=v1.0.0")
    assert shop.in_production(ENSEMBLE) == packed[ENSEMBLE]
    assert shop.versions() == {LSTM: "v1.0.1"} | others | {BASELINE: "v1.0.0", ENSEMBLE: "v1.0.0"}

    shop.commit("trials")
    shop.run("git checkout -q lstm-direction@v1.0.0 && dvc checkout -q")
    assert "up to date" in shop.run("dvc status")
    assert (shop.folder / "data/predictions/lstm.parquet").read_bytes() == predictions
    assert verify_bundle(shop.folder / "models/candidate" / LSTM).bundle_id == packed[LSTM]


def test_a_refitted_model_carries_the_walk_forwards_figures_and_says_so(ran, tmp_path):
    """One more model, trained to the end; metrics of the folds stay, and stand for the candidate too."""
    shop = Repository.copied(ran.folder, tmp_path)
    before = json.loads((shop.folder / "metrics/lstm.json").read_text())
    shop.run_and_commit(promotion={"refit": "all"})
    shop.run("make prove")
    after = json.loads((shop.folder / "metrics/lstm.json").read_text())
    of_folds = [name for name in before if not name.startswith("candidate_")]
    assert {name: after[name] for name in of_folds} == {name: before[name] for name in of_folds}
    assert after["candidate_accuracy_all"] == after["accuracy_all"]
    shop.run("make promote")
    for name in ARTIFACTS:
        folder = shop.folder / "models/promoted" / name
        span = json.loads((folder / "model.json").read_text())["span"]
        assert "test" not in span
        assert span["validation"][1] == "2024-01-04T23:44:00+00:00"  # the last label
        assert "Fitted again on candles up to the end" in (folder / "model_card.md").read_text()
        record = shop.registry.production(name).record
        assert record.refit is True
        assert record.proof.proved_on == "fold_1"
        assert "trained once more up to the end" in record.proof.note
        own = record.candidate
        assert (own["model"], own["figures_of"]) == ("refit", "walk_forward")
    shop.run("make report")
    assert "Refitted:" in (shop.folder / "reports/index.html").read_text()


STEPS = ("stage_bundle", "create_tag", "put_in_place", "write_index")
FAULT = """
import importlib, os, sys
step, count, fault, name, *arguments = sys.argv[1:]
from tapeline.ending import run_command
command = importlib.import_module(f"commands.{name}")
library = importlib.import_module("tapeline.promotion.change")
original, calls = getattr(library, step), []
def faulty(*args, **kwargs):
    calls.append(1)
    if len(calls) == int(count):
        if fault == "kill":
            os.kill(os.getpid(), 9)
        raise OSError(28, "No space left on device")
    return original(*args, **kwargs)
setattr(library, step, faulty)
sys.argv = [name, *arguments]
run_command(command.main)
"""


def inject(shop, step, count, fault, command=("promote",)):
    """Run a command, a promotion, whose `count`th call of `step` fails; its exit status and what it said."""
    done = subprocess.run(
        [warm_python(), "-c", FAULT, step, str(count), fault, *command],
        cwd=shop.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("step", "count"), [(step, n) for step in STEPS[:3] for n in (1, 2)] + [("create_tag", 4), (STEPS[3], 1)]
)
def test_a_fault_at_any_step_leaves_everything_as_it_was(ran, tmp_path, step, count):
    """Also in the second of two models; and the next try goes through."""
    shop = Repository.copied(ran.folder, tmp_path)
    before = shop.state()
    status, told = inject(shop, step, count, "raise")
    assert status == 1
    assert "No space left on device" in told
    assert "Traceback" not in told
    assert shop.state() == before
    shop.run("make promote")
    shop.whole()


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_keeps_the_old_production(shop, step):
    """With a version in production already."""
    before = shop.state()
    status, _ = inject(shop, step, 1, "raise")
    assert status == 1
    assert shop.state() == before


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_the_next_commands_bring_all_in_line(shop, step):
    """Nobody undoes anything after kill -9: the next command finishes it or takes it back."""
    assert inject(shop, step, 1, "kill")[0] == -9
    told = shop.run("make promote", status=None)
    assert f"cut off, {'finished' if step in DECIDED else 'taken back'}" in told
    shop.whole()
    changed = dict.fromkeys((LSTM, ENSEMBLE), "v1.1.0")  # an ensemble is its members
    assert shop.versions() == changed | {TRANSFORMER: "v1.0.0"} | BASELINES


DECIDED = ("put_in_place", "write_index")  # steps by which all tags are there
BACK = ("rollback", LSTM, "v1.0.0", "it lost money")


@pytest.mark.parametrize("step", STEPS)
def test_a_rollback_happens_wholly_or_not_at_all(shop, step):
    """A fault leaves production as it was; after a kill `make restore` brings it in line with the tags."""
    shop.run("make promote")
    before = shop.state()
    status, told = inject(shop, step, 1, "raise", BACK)
    assert (status, "Traceback" in told) == (1, False)
    assert shop.state() == before
    assert inject(shop, step, 1, "kill", BACK)[0] == -9
    shop.run("make registry")
    shop.whole()
    assert shop.versions()[LSTM] == ("v1.0.0" if step in DECIDED else "v1.1.0")


def test_of_two_promotions_at_once_one_wins(shop):
    """The other says in a line what it found."""
    command = [warm_python(), "-m", "commands.promote"]
    both = [
        subprocess.Popen(
            command, cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    told = [process.communicate()[0] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    loser = told[[process.returncode for process in both].index(1)]
    assert "another promotion or rollback is running" in loser or "promoted already" in loser
    assert shop.versions()[LSTM] == "v1.1.0"
    shop.whole()


def test_the_second_promotion_of_a_bundle_is_refused(shop):
    """It names the version."""
    shop.run("make promote")
    told = shop.run("make promote", status=2)
    assert "promoted already: lstm-direction is v1.1.0, transformer-trend is v1.0.0" in told


def test_what_is_not_committed_or_not_run_is_not_promoted(shop):
    """A dirty tree, a stale lock, touched bundles: each named in one line, nothing tagged."""
    before = shop.state()
    (shop.folder / "new.txt").write_text("x")
    assert "new.txt: not committed" in shop.run("make promote", status=2)
    (shop.folder / "new.txt").unlink()
    shop.set_params({"model": {"hidden": 7}})
    shop.commit("changed")
    stale = "ensembles, evaluate, promote, train_lstm"
    assert f"dvc.lock: not up to date with {stale}" in shop.run("make promote", status=2)
    shop.run("git reset -q --hard HEAD~1")
    graph = shop.folder / "models/candidate" / LSTM / "model.onnx"
    content = graph.read_bytes()
    graph.chmod(0o644)
    graph.unlink()
    graph.write_bytes(content + b"x")
    told = shop.run("make promote", status=2)
    assert "not up to date with" in told or "model.onnx: content differs" in told
    assert shop.state() == before


def test_bad_arguments_end_in_one_line(shop):
    """What, the value, what is allowed."""
    assert "MODEL is 'lstm': must be one of lstm-direction" in shop.run("make promote MODEL=lstm", status=2)
    for line, message in (
        ("MODEL=", "MODEL is ''"),
        ("MODEL=lstm-direction TO=1.0", "must be like v1.2.3"),
        ("MODEL=lstm-direction TO=v9.0.0", "is not registered; there are: v1.0.0"),
        ("MODEL=lstm-direction TO=v1.0.0", "is in production already"),
        ("MODEL=lstm-direction", "is the only version that was in production"),
    ):
        told = shop.run(f"make rollback {line}", status=2)
        assert message in told
        assert "Traceback" not in told


def test_damaged_production_comes_back_from_the_cache_and_a_lost_cache_is_named(shop):
    """`make restore`; without cache and remote it says what is missing."""
    graph = shop.folder / "models/promoted" / LSTM / "model.onnx"
    graph.write_bytes(b"x")
    assert f"{LSTM}: v1.0.0, brought back" in shop.run("make restore")
    shop.whole()
    graph.unlink()
    shutil.rmtree(shop.folder / ".dvc/cache")
    told = shop.run("make restore", status=2)
    assert "lstm-direction v1.0.0: its files are not in DVC's cache, and there is no remote" in told


@pytest.fixture
def bucket(monkeypatch, tmp_path_factory):
    """An S3 server of the test's own with an empty bucket; the server, and its address."""
    nothing = tmp_path_factory.mktemp("aws") / "config"
    nothing.touch()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(nothing),
        "AWS_SHARED_CREDENTIALS_FILE": str(nothing),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    server.start()
    host, port = server.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="models")
    yield server, f"http://{host}:{port}"
    server.stop()


def clone_with_production(shop, folder):
    """Clone `shop` and restore there: the same bytes, the same index."""
    shop.run(f"git clone -q . {folder}")
    fresh = Repository.at(Path(folder))
    fresh.run("make restore")
    for name in (LSTM, TRANSFORMER):
        assert fresh.in_production(name) == shop.in_production(name)
    fresh.whole()


def test_a_fresh_clone_pulls_production_from_a_folder(shop, tmp_path_factory):
    """A remote that is a folder: push, clone, restore."""
    folder = tmp_path_factory.mktemp("remote")
    shop.run(f"dvc remote add --default storage {folder}")
    # DVC goes by each commit's own configuration, and the first release is older than this remote.
    shop.run(f"dvc remote add --local --default storage {folder}")
    shop.run("git commit -qam remote")
    take_for_checked(shop.folder)
    shop.run("make promote")
    shop.run("dvc push --quiet --all-commits")
    clone_with_production(shop, tmp_path_factory.mktemp("clone"))


def test_a_fresh_clone_pulls_production_from_s3(shop, bucket, tmp_path_factory):
    """The same by the protocol that most teams' storage speaks; without its cache, too, it comes back."""
    server, address = bucket
    for level in ("--project", "--local"):
        shop.run(f"dvc remote add {level} --default storage s3://models/cache")
        shop.run(f"dvc remote modify {level} storage endpointurl {address}")
    shop.run("git commit -qam remote")
    take_for_checked(shop.folder)
    shop.run("make promote")
    shop.run("dvc push --quiet --all-commits")
    clone_with_production(shop, tmp_path_factory.mktemp("clone"))
    before = shop.in_production(LSTM)
    shutil.rmtree(shop.folder / ".dvc/cache")
    shutil.rmtree(shop.folder / "models/promoted")
    shop.run("make restore")
    assert shop.in_production(LSTM) == before
    shutil.rmtree(shop.folder / ".dvc/cache", ignore_errors=True)  # restoring fills no cache
    shutil.rmtree(shop.folder / "models/promoted")
    server.stop()
    told = shop.run("make restore", status=2)
    assert "nor to be had from remote storage (s3://models/cache): Could not connect" in told
    assert "Traceback" not in told


def test_a_release_is_held_against_the_run_at_its_commit(shop):
    """What the tag says was measured there; a tag that somebody made by hand is found out."""
    assert "as its commit has it" in shop.run(f"make check-release TAG={LSTM}@v1.0.0")
    record = shop.registry.releases[LSTM][0].record.plain()
    for k, (change, message) in enumerate(
        [
            ({"bundle_id": "0" * 16}, "bundle_id is 0000000000000000, and the run packed"),
            ({"gates": []}, "gates are not those of the run"),
            ({"gates": [gate | {"status": "failed"} for gate in record["gates"]]}, "did not pass"),
            ({"lock_sha256": "0"}, "dvc.lock is another"),
        ]
    ):
        tag = f"{LSTM}@v7.0.{k}"
        (shop.folder / ".git/message").write_text(json.dumps(record | {"version": f"v7.0.{k}"} | change))
        shop.run(f"git tag -a -F .git/message {tag} {LSTM}@v1.0.0^{{}}")
        assert message in shop.run(f"make check-release TAG={tag}", status=2)
    assert "no release" in shop.run("make check-release TAG=v1", status=2)
    shop.run(f"git tag -a -m mine {LSTM}@v8.0.0")
    assert "its message is no record" in shop.run(f"make check-release TAG={LSTM}@v8.0.0", status=2)


def test_verdicts_of_other_params_or_metrics_are_found_out(shop):
    """By a frozen stage, or by taking a stage for done: the gates are held against what lies beside them."""
    before = shop.state()
    shop.run("dvc freeze promote")
    shop.commit("frozen")
    assert "dvc.yaml: promote is frozen" in shop.run("make promote", status=2)
    shop.run("dvc unfreeze promote")
    shop.set_params({"gates": EASY | {LSTM: {"lstm.accuracy_all": {"min": 0.99}, "lstm.ece": {"max": 1.0}}}})
    shop.run("dvc commit -q -f")
    shop.commit("taken")
    told = shop.run("make promote", status=2)
    assert "metrics/detail/promotion.json: lstm.accuracy_all of lstm-direction:" in told
    assert "is not >= 0.99; run `dvc repro`" in told
    shop.run("git reset -q --hard HEAD~2")
    path = shop.folder / "metrics/lstm.json"
    figures = json.loads(path.read_text())
    path.write_text(json.dumps(figures | {"log_loss": 0.1}, indent=2))
    shop.run("dvc commit -q -f")
    shop.commit("embellished")
    assert f"metrics/lstm.json: is not as {LSTM} was packed" in shop.run("make promote", status=2)
    assert shop.state() == before


def test_somebody_elses_tags_are_neither_taken_for_releases_nor_deleted(shop):
    """Not by a promotion that fails, nor by one that takes a cut-off one back."""
    shop.run("git tag -a -m 'news' news-model@v2.0.0")
    shop.run(f"git tag {LSTM}@v1.1.0")
    before = shop.run("git tag")
    assert f"tag {LSTM}@v1.1.0: is there already, and no release" in shop.run("make promote", status=2)
    assert shop.run("git tag") == before
    shop.run(f"git tag -d {LSTM}@v1.1.0")
    assert inject(shop, "create_tag", 2, "kill")[0] == -9
    shop.run("make promote")
    assert "news-model@v2.0.0" in shop.run("git tag")
    shop.whole()


def test_a_shallow_clone_promotes_nothing(shop, tmp_path_factory):
    """It has forgotten how many configurations were tried, which the deflated Sharpe ratio hangs on."""
    shop.run("git commit -q --allow-empty -m more")
    clone = Repository.copied(shop.folder, tmp_path_factory.mktemp("shallow"))
    deflated = {"release.deflated_sharpe": {"min": 0.0}}
    clone.run_and_commit(gates=EASY | {LSTM: EASY[LSTM] | deflated})
    clone.run(f"git fetch -q --depth 1 file://{shop.folder} && git reflog expire --expire=now --all")
    told = clone.run("make promote", status=2)
    assert "the clone is shallow" in told


def test_dvc_gets_a_released_bundle_by_its_name(shop, tmp_path_factory):
    """The `artifacts` of dvc.yaml: any repository can fetch one."""
    target = tmp_path_factory.mktemp("got") / "bundle"
    shop.run(f"dvc artifacts get . {LSTM} --rev v1.0.0 -o {target}", status=None)
    found = target if (target / "manifest.json").exists() else next(target.rglob("manifest.json")).parent
    assert verify_bundle(found).bundle_id == shop.in_production(LSTM)


def test_what_is_in_production_predicts(shop):
    """From the run's own candles; then, damaged, it is named and nothing is predicted."""
    folder = shop.folder / "data/raw/X"
    for symbol in ("BTC-USD", "ETH-USD"):
        (folder / symbol).mkdir(parents=True)
        candles = random_candles(1100, seed=1).drop(columns=["is_filled", "segment", "file"])
        candles.to_csv(folder / symbol / "1m.csv", index=False)
    refused = shop.run("make predict CANDLES=data/raw/X LAST=2", status=2)
    assert ": was trained on the simulated market, so it predicts simulated candles alone" in refused
    assert len([line for line in refused.splitlines() if not line.startswith("make")]) == 1
    told = shop.run("make predict CANDLES=data/raw/X LAST=2", ALLOW_SIMULATED="1").splitlines()
    answers = [json.loads(line) for line in told]
    assert [answer["symbol"] for answer in answers] == ["BTC-USD"] * 2 + ["ETH-USD"] * 2
    kinds = dict.fromkeys((LSTM, BASELINE, ENSEMBLE), "probability")
    kinds |= {TRANSFORMER: "trend_strength", BASELINE_TREND: "trend_strength"}
    for answer in answers:  # each with its own bundle, where several say the same
        said = {name: entry[kinds[name]] for name, entry in answer["bundles"].items()}
        assert set(said) == set(ARTIFACTS)
        assert all(0 <= number <= 1 for number in said.values())
        assert said[LSTM] != said[BASELINE]
        assert said[ENSEMBLE] == pytest.approx((said[LSTM] + said[BASELINE]) / 2, abs=1e-6)
    line = json.dumps({"symbol": "BTC-USD"} | candles.iloc[0].to_dict(), default=str)
    (shop.folder / "line").write_text(line)
    answer = shop.run("python -m commands.predict < line", ALLOW_SIMULATED="1")
    assert json.loads(answer)["status"] == "warming_up"
    assert "was trained on the simulated market" in shop.run("python -m commands.predict < line", status=1)
    own = shop.run("make predict CANDLES=data/candles LAST=1").splitlines()
    bundle = json.loads(own[0])["bundles"][LSTM]
    known = {"version": "v1.0.0", "bundle_id": shop.in_production(LSTM), "horizon": 15}
    assert known.items() <= bundle.items()
    (shop.folder / "models/promoted" / LSTM / "contract.json").write_text("{}")
    broken = shop.run("make predict CANDLES=data/raw/X", status=2)
    assert "contract.json: content differs from the manifest" in broken
    assert "Traceback" not in broken


def test_a_run_is_made_again_and_replayed_before_it_is_promoted(ran):
    """Every stage comes to the same bytes; what was packed answers as predicted."""
    told = (ran.folder / ".git/checked").read_text()
    assert all(f"{stage}: made again, the same" in told for stage in STAGES)
    assert "candles, test of fold_1, fed one by one to what was packed" in told
    (kept,) = (ran.folder / ".git/tapeline.rechecked").iterdir()
    checked = Checked.read_file(kept)
    assert (checked.recheck.rounded, checked.recheck.content) == (0, kept.name)
    assert checked.recheck.files > 50
    assert checked.replay.candles == checked.replay.of > 1400
    assert checked.replay.largest_difference <= 1e-5
    assert checked.replay.together >= checked.replay.candles
    assert checked.replay.late > 100
    assert 2000 < checked.recheck.predictions <= checked.recheck.of
    assert checked.recheck.largest_difference <= 1e-5
    assert not list((ran.folder / ".dvc/tmp/copies").iterdir())


def test_metrics_edited_with_their_hashes_are_not_promoted(ran, tmp_path):
    """Packed, judged, locked and committed as if they had been measured: one line names file and value."""
    shop = Repository.copied(ran.folder, tmp_path)
    path = shop.folder / "metrics/lstm.json"
    figures = json.loads(path.read_text())
    path.write_text(json.dumps(figures | {"accuracy_all": 0.99}, indent=2) + "\n")
    shop.run("python -m stages.promote && dvc commit -q -f")
    shop.commit("embellished")
    shop.run("make verify")  # which is content: every hash is as recorded
    before = shop.state()
    told = shop.run("make promote", status=2)
    assert f"metrics/lstm.json: accuracy_all is 0.99, and made again {figures['accuracy_all']}" in told
    assert "Traceback" not in told
    assert shop.state() == before


@pytest.mark.torture
@pytest.mark.parametrize("what", ["candles", "features", "predictions", "a fold", "the candidate"])
def test_what_a_run_came_to_can_not_be_edited(ran, tmp_path, what):
    """Each is made again otherwise, and named with the value."""
    shop = Repository.copied(ran.folder, tmp_path)
    message = EDITS[what](shop.folder)
    with pytest.raises(ArtifactError, match=message):
        Rerun(shop.folder, lambda line: None).result()
