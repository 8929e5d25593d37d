"""The system user of the embedded PostgreSQL."""

import os
from pathlib import Path

import pytest

from runtime.embedded import owner
from runtime.embedded.errors import StackFailed

NAMELESS = 2_000_000_007


def test_a_user_id_without_a_name_is_reported_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NAMELESS)

    with pytest.raises(StackFailed, match=rf"^[^\n]*{NAMELESS}, which has no name[^\n]*DATABASE_URL[^\n]*$"):
        owner.owner_of(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_data_of_a_user_id_without_a_name_is_reported_to_root(tmp_path: Path) -> None:
    os.chown(tmp_path, NAMELESS, -1)

    with pytest.raises(StackFailed, match=f"{NAMELESS}, which has no name"):
        owner.owner_of(tmp_path)
