"""The operator's commands of `packtrain`, by their group; packtrain.cli.operator adds them to the command line."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ops.commands import backup, clusters, database, image, queue, recover, service, storage, tokens
from packtrain.errors import Finding
from packtrain.errors import InvalidInput as ClientInvalidInput
from packtrain.errors import PacktrainError as ClientError
from tuning.errors import InvalidInput, PacktrainError

Command = Callable[..., Any]


def _translated(command: Command) -> Command:
    """The command, with the service's errors as those that the command line knows how to show."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except InvalidInput as error:
            findings = [Finding(finding.loc, finding.message, finding.hint) for finding in error.findings]
            raise ClientInvalidInput(findings) from error
        except PacktrainError as error:
            raise ClientError(str(error), hint=error.hint) from error

    return run


_GROUPS: Mapping[str, Mapping[str, Command]] = {
    "": {
        "serve": service.serve,
        "work": service.work,
        "migrate": service.migrate,
        "backup": backup.backup,
        "restore": backup.restore,
        "recover": recover.recover,
        "storage": storage.storage,
        "simulate": queue.simulate,
    },
    "clusters": clusters.COMMANDS,
    "database": database.COMMANDS,
    "image": image.COMMANDS,
    "token": tokens.COMMANDS,
}
COMMANDS: Mapping[str, Mapping[str, Command]] = {
    group: {name: _translated(command) for name, command in commands.items()} for group, commands in _GROUPS.items()
}
"""The group "" holds those that stand by themselves."""
