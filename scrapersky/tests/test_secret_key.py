"""The key of a machine that was given none."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from scrapersky.secret_key import local_secret_key


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"

    key = local_secret_key(path)

    assert len(key) >= 50
    assert local_secret_key(path) == key
    assert path.read_text() == key
    assert [file.name for file in tmp_path.iterdir()] == [".secret_key"]


def test_its_owner_alone_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"

    local_secret_key(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_machines_have_two_keys(tmp_path: Path) -> None:
    assert local_secret_key(tmp_path / "a") != local_secret_key(tmp_path / "b")


def test_a_key_from_elsewhere_is_taken(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"
    path.write_text("mine\n")

    assert local_secret_key(path) == "mine"


def test_somebody_else_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".secret_key"

    def other_process_first(*args: object) -> None:
        path.write_text("theirs")
        raise FileExistsError

    monkeypatch.setattr("os.link", other_process_first)

    assert local_secret_key(path) == "theirs"
    assert [file.name for file in tmp_path.iterdir()] == [".secret_key"]


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_file_is_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".secret_key"
    path.write_text(text)

    with pytest.raises(ImproperlyConfigured, match="empty"):
        local_secret_key(path)


def test_no_place_to_keep_it(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        local_secret_key(tmp_path / "nothing" / ".secret_key")


def test_many_at_once_agree(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: local_secret_key(path), range(32)))

    assert len(keys) == 1
