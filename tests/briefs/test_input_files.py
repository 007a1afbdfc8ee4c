"""Which files a user's URI names, and what is said when it names none."""

from pathlib import Path

import pytest

from factory.briefs.input_files import list_inputs
from factory.errors import InputError, StorageError
from factory.storage.store import Store

FILES = [
    "a.parquet",
    "sub/b.PARQUET",
    "_meta.parquet",
    ".hidden.parquet",
    "sub/_tmp/c.parquet",
    "x[1].parquet",
    "n.csv",
]
BOTH = [pytest.param("local"), pytest.param("s3", marks=pytest.mark.s3)]


@pytest.fixture(params=BOTH)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder of files, local or on S3."""
    uri = f"{tmp_path}/in put" if request.param == "local" else f"{request.getfixturevalue('bucket')}/in put"
    for name in FILES:
        Store(uri).write_bytes(name, b"x")
    return uri


@pytest.mark.parametrize(
    ("tail", "names"),
    [
        ("", ["a.parquet", "sub/b.PARQUET", "x[1].parquet"]),
        ("/", ["a.parquet", "sub/b.PARQUET", "x[1].parquet"]),
        ("/sub", ["b.PARQUET"]),
        ("/a.parquet", ["a.parquet"]),
        ("/x[1].parquet", ["x[1].parquet"]),
        ("/*.parquet", ["a.parquet", "x[1].parquet"]),
        ("/**/*.P*", ["sub/b.PARQUET"]),
        ("/[ab].parquet", ["a.parquet"]),
        ("/[!a]*.parquet", ["x[1].parquet"]),
        ("/s?b/b.*", ["sub/b.PARQUET"]),
    ],
)
def test_a_uri_names_files(root: str, tail: str, names: list[str]) -> None:
    found = list_inputs(root + tail)
    assert [file.name for file in found] == names
    assert all(Store(file.uri.rpartition("/")[0]).read_bytes(file.uri.rpartition("/")[2]) == b"x" for file in found)
    assert all(file.size == 1 for file in found)
    assert all(bool(file.etag) == root.startswith("s3://") for file in found)


@pytest.mark.parametrize(
    ("tail", "message", "hint"),
    [
        ("/a.parqet", "does not exist", "a.parquet"),
        ("/nowhere/night", "does not exist", "check"),
        ("/*.pq", "matches no Parquet file", "a.parquet"),
    ],
)
def test_a_uri_that_names_nothing_is_explained(root: str, tail: str, message: str, hint: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        list_inputs(root + tail)
    assert root + tail in caught.value.message
    assert hint in caught.value.hint


def test_an_empty_folder_and_one_without_parquet_differ(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is an empty folder"):
        list_inputs(str(tmp_path / "empty"))
    (tmp_path / "empty" / "rows.csv").write_text("a")
    with pytest.raises(InputError, match="holds no Parquet file") as caught:
        list_inputs(str(tmp_path / "empty"))
    assert "rows.csv" in caught.value.hint


def test_paths_with_dots_and_no_slash_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(str(tmp_path)).write_bytes("a.parquet", b"x")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    for uri in ("../a.parquet", "..", f"file://{tmp_path}", "../*.parquet"):
        assert [file.name for file in list_inputs(uri)] == ["a.parquet"]


@pytest.mark.parametrize("uri", ["", " ", "s3://", "s3:///x"])
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises((InputError, StorageError)):
        list_inputs(uri)


@pytest.mark.s3
def test_denied_input_is_the_users_to_fix(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(InputError, match="denied") as caught:
        list_inputs(f"{bucket}/in")
    assert caught.value.exit_code == 2
