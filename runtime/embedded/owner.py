"""The system user of the embedded PostgreSQL, which refuses to run as root."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

from runtime.embedded.errors import StackFailed
from runtime.embedded.processes import Owner

USER = "pgserver"


def owner_of(data: Path) -> Owner | None:
    """Return the user that PostgreSQL must run as, None for the current user; as root, create a missing user."""
    if os.geteuid() != 0:
        _named(os.geteuid())
        return None
    if data.exists() and data.stat().st_uid != 0:
        return _as_owner(_named(data.stat().st_uid))
    return _as_owner(_account())


def _named(uid: int) -> pwd.struct_passwd:
    """Return the entry of a user id; raise StackFailed for an id without a name, which PostgreSQL's set-up refuses."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise StackFailed(
            f"PostgreSQL can't run as the user id {uid}, which has no name on this machine: run as a user with a name,"
            " or set DATABASE_URL and TEMPORAL_ADDRESS"
        ) from None


def _as_owner(entry: pwd.struct_passwd) -> Owner:
    return Owner(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        _create_account()
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        raise StackFailed(f"PostgreSQL can't run as root, and the user {USER} can't be created") from None


def _create_account() -> None:
    """Create the user; a failure is ignored, because another process may create the same user at the same time."""
    try:
        subprocess.run(["useradd", "--system", "--no-create-home", USER], check=False, capture_output=True)  # noqa: S607
    except FileNotFoundError:
        raise StackFailed(f"PostgreSQL can't run as root: create a user named {USER}, or run as another user") from None


def let_through(path: Path) -> None:
    """Let other users traverse, but not read, the folders above `path`."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def let_run(install: Path) -> None:
    """Let other users run the programs below `install`, regardless of the umask of the installation."""
    let_through(install)
    for path in (install, *install.rglob("*")):
        mode = path.stat().st_mode
        wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode & wanted != wanted:
            path.chmod(mode | wanted)
