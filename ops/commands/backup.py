"""backup, restore: all that the service itself keeps, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from packtrain.cli.screen import note, now


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="A file that is not there yet.")],
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Also the key of users' secrets: whoever has the file can read them.")
    ] = False,
) -> None:
    """Save the database and the uploads in one file, while all runs.

    Of PostgreSQL only the uploads: pg_dump saves its rows. Results lie on the cluster, and are not in it.

    \b
    packtrain backup /backups/packtrain-monday.tar
    """
    from ops.storage.backup import take_backup
    from tuning.settings import load_settings

    taken = take_backup(load_settings(), file, with_key=with_key, now=now())
    for content in taken.missing:
        note(f"warning: the data folder has no {content.sha256}.{content.extension}, which a data set names")
    rows = "the database" if taken.manifest.database == "sqlite" else "no rows (take `pg_dump` with it)"
    note(f"{file} holds {rows} and {taken.contents} uploads")
    if not with_key:
        note("keep PACKTRAIN_SECRETS_KEY, the clusters file and the SSH key elsewhere: they are not in it")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="What `packtrain backup` has written.")],
    key_to: Annotated[
        Path | None, typer.Option("--key-to", metavar="KEYFILE", help="Also write the key of users' secrets there.")
    ] = None,
) -> None:
    """Bring a backup back, into an empty place, with this version's schema.

    The place is that of PACKTRAIN_DATABASE_URL and PACKTRAIN_DATA_DIR.

    \b
    packtrain restore /backups/packtrain-monday.tar
    """
    from ops.storage.restore import restore_backup
    from tuning.settings import load_settings

    restored = restore_backup(load_settings(), file, key_to=key_to)
    manifest = restored.manifest
    rows = "the database" if manifest.database == "sqlite" else "no rows (`pg_restore` brings them)"
    note(f"{rows} and {restored.contents} uploads are back, as of {manifest.taken_at:%Y-%m-%d %H:%M:%S %Z}")
    note("next: set PACKTRAIN_SECRETS_KEY as it was, start server and worker; jobs that went on meanwhile are adopted")
