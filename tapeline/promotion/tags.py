"""Tags in GTO's grammar: read as they are in the repository, made, and deleted.

`NAME@v1.2.3` registers a version, `NAME#prod#4` puts one into production, `NAME#prod!#5` takes it out again,
`NAME@v1.2.3!` and `NAME@deprecated` deprecate a version and a model.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gto.tag import parse_name

from tapeline.documents import Document
from tapeline.errors import ArtifactError
from tapeline.promotion.repository import git, git_bytes

FIELDS = (
    "refname:strip=2", "objecttype", "*objecttype", "*objectname", "taggerdate:unix", "taggerdate:iso-strict",
    "contents", "contents:signature",
)  # fmt: skip
LONGEST_WAIT_S = 3


@dataclass(frozen=True)
class Tag:
    """A tag that names an artifact.

    action : GTO's word: register, deregister, assign, unassign, deprecate or create
    environment, version, number : of the tag's name, None where it has none
    commit : the tagged one; seconds : since 1970; time : the same in ISO 8601
    flaw : why it says nothing; empty if it does
    """

    name: str
    artifact: str
    action: str
    version: str | None
    environment: str | None
    number: int | None
    commit: str
    seconds: int
    time: str
    message: str
    is_signed: bool
    flaw: str = ""


class PendingTag(Document):
    """A tag to be made: its name, the commit and the message."""

    name: str
    commit: str
    message: str


def read_tags(folder: Path, artifacts: Collection[str]) -> list[Tag]:
    """Tags of `artifacts` by the time they were made, as GTO orders them; of one second, by number."""
    fields = "".join(f"%({part})%00" for part in FIELDS)
    values = git_bytes(folder, "for-each-ref", f"--format={fields}", "refs/tags").split(b"\0")[:-1]
    records = [values[k : k + len(FIELDS)] for k in range(0, len(values), len(FIELDS))]
    tags = [tag for record in records if (tag := _read(record, artifacts))]
    return sorted(tags, key=lambda tag: (tag.seconds, tag.number or 0))


def next_number(folder: Path, artifact: str) -> int:
    """Counter of the next tag of `artifact`, whatever its environment: GTO counts over all of them."""
    numbers = [tag.number for tag in read_tags(folder, [artifact]) if tag.number is not None]
    return max(numbers, default=0) + 1


def date_for(folder: Path, tags: Collection[PendingTag]) -> int:
    """Seconds since 1970 by which `tags` are dated: now, and after all there are of their artifacts.

    GTO and we go by the dates, of whole seconds, so up to LONGEST_WAIT_S is waited. A clock that is behind by
    more is not waited for: the date lies ahead of it.
    """
    artifacts = {_artifact_of(tag) for tag in tags}
    date = max((tag.seconds + 1 for tag in read_tags(folder, artifacts)), default=0)
    if 0 < (wait_s := date - time.time()) <= LONGEST_WAIT_S:
        time.sleep(wait_s)
    return max(int(time.time()), date)


def create_tag(folder: Path, tag: PendingTag, date: int) -> None:
    """Make a tag by git itself, so that `tag.gpgsign` and hooks are respected."""
    arguments = ("--annotate", "--cleanup=verbatim", "--file=-", tag.name, tag.commit)
    git(folder, "tag", *arguments, text=f"{tag.message}\n", GIT_COMMITTER_DATE=f"@{date} +0000")
    # Where it can't sign for want of the key, git makes the tag without, and ends well.
    if git(folder, "config", "--type=bool", "--default=false", "tag.gpgsign").strip() == "true":
        tags = read_tags(folder, [_artifact_of(tag)])
        if not any(other.is_signed for other in tags if other.name == tag.name):
            delete_tags(folder, made(folder, [tag]))
            raise ArtifactError(
                f"tag {tag.name}: tag.gpgsign is set, and git can't sign it; `git tag -s` says why"
            )


def made(folder: Path, tags: Collection[PendingTag]) -> list[str]:
    """Names of those of `tags` that exist, of that commit and with that message."""
    expected = {tag.name: (tag.commit, tag.message.strip()) for tag in tags}
    artifacts = {_artifact_of(tag) for tag in tags}
    existing = {tag.name: (tag.commit, tag.message.strip()) for tag in read_tags(folder, artifacts)}
    return [name for name in expected if existing.get(name) == expected[name]]


def delete_tags(folder: Path, names: Collection[str]) -> None:
    """Delete tags: those of a change that was not finished."""
    if names:
        git(folder, "tag", "--delete", *names)


def _read(values: list[bytes], artifacts: Collection[str]) -> Tag | None:
    decoded = [value.decode("utf-8", "backslashreplace") for value in values]
    name, kind, tagged, commit, seconds, iso, message, signature = decoded
    name = name.lstrip("\n")
    parsed = _parsed(name)
    if parsed.get("name") not in artifacts:
        return None
    tag = Tag(
        name=name,
        artifact=parsed["name"],
        action=parsed["action"].value if "action" in parsed else "create",
        version=parsed.get("version"),
        environment=parsed.get("stage"),
        number=parsed.get("counter"),
        commit=commit,
        seconds=int(seconds or 0),
        time=iso,
        message=message.removesuffix(signature) if signature else message,
        is_signed=bool(signature),
    )
    flaws = {
        "it is a light tag, without a message of its own": kind != "tag",
        f"it tags a {tagged or 'nothing'}, not a commit": tagged != "commit",
        "it has no date": not seconds,
        "its message is not UTF-8": decoded[-2].encode() != values[-2],
    }
    return replace(tag, flaw=next((flaw for flaw, holds in flaws.items() if holds), ""))


def _artifact_of(tag: PendingTag) -> str:
    return str(parse_name(tag.name)["name"])


def _parsed(name: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = parse_name(name, raise_on_fail=False)
    except ValueError:  # a number of more digits than Python reads
        return {}
    return parsed
