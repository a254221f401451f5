"""Every error of packtrain, in one tree.

PacktrainError
  InvalidInput            what a user sent is wrong: a list of findings
    PromptTooLong           a prompt leaves no room for an answer in the model's context
  NotFound                no such thing, or not yours to see
  Conflict                the thing is not in a state that allows this
  NotAuthenticated        no token, or a wrong, expired or revoked one
  NotAllowed              a good token that may not do this
  Unavailable             it cannot be answered now (no database, no budget left): says when to ask again
    TooManyRequests         this token asks too often, or this address with wrong ones
  LeaseLost               another worker drives the cluster now; drop the results
  StorageFull             the server's own disk is full
  ClusterError
    TransientError        the same again, later, may work
      Unreachable           no connection, or it broke
        NotListening          nobody takes connections there, or there is no way to it
        NotSent             before the whole of a command's input was sent
      CommandTimedOut       the command was sent; what it did is unknown
      LaunchFailed          Slurm ended the job on its node before it began
      SlurmUnavailable      slurmctld or slurmdbd does not answer
      UploadDamaged         what arrived is not what was sent
      SiteLimit             the site's limit on jobs is reached: wait in our queue
      SiteState             a partition, or whatever else the site is in, takes no jobs at present
        UnknownRefusal      sbatch says no in words that no table has
      CopiesGone            data that a job needs lies no longer on the cluster
      PortClosed            nothing takes connections at a port behind the login node
      AnswerBroken          a served model's answer came to no end
    PermanentError        the same again will fail again until somebody changes something
      HostKeyChanged        the host is not the one that was trusted
      ForeignRoot           the root there belongs to another installation
      LoginRefused          our key is not accepted
      ForwardingRefused     the login node's sshd connects nobody to ports behind it
      SubmissionRefused     sbatch says no, with Slurm's own words
        ShapeRefused          no node is as the job asks
      RemoteFileError       a remote file cannot be written or read
        RemoteDiskFull
        DatasetUnreadable     the content to copy is not there, or cannot be read
        AttemptUnwritable     the folder of one attempt: that of others can be

Transient or permanent is a type, and retry reads only that. HTTP status codes live in server/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

RefusalScope = Literal["cluster", "partition", "account", "job"]
"""Which other jobs a refusal of Slurm's keeps from being submitted, too."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (or doubtful) in an input, where, and what to do about it."""

    loc: tuple[str | int, ...]
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"


class PacktrainError(Exception):
    """Base of all; `str()` is a sentence for the user, `hint` says what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidInput(PacktrainError):
    """Input of a user that is wrong; `findings` says each problem and its place."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = tuple(findings)

    def with_hints(self) -> str:
        """All findings in one line, with what to do about each."""
        told = (f"{found.message} ({found.hint})" if found.hint else found.message for found in self.findings)
        return "; ".join(told)


class PromptTooLong(InvalidInput):
    """A prompt that leaves no room for an answer in the model's context."""


class NotFound(PacktrainError):
    """No such thing, or not yours to see."""


class Conflict(PacktrainError):
    """The thing is not in a state that allows this."""


class NotAuthenticated(PacktrainError):
    """No token, or a wrong, expired or revoked one."""


class NotAllowed(PacktrainError):
    """A good token that may not do this."""


class Unavailable(PacktrainError):
    """The request cannot be answered now; after `retry_after_seconds` it may be."""

    def __init__(self, message: str, *, retry_after_seconds: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class TooManyRequests(Unavailable):
    """This token asks too often, or this address comes with too many wrong ones."""


class LeaseLost(PacktrainError):
    """Another worker drives the cluster now; whatever was found is dropped."""


class StorageFull(PacktrainError):
    """The server's own disk, or the quota on it, is full."""


class ClusterError(PacktrainError):
    """Error between us and a cluster."""


class TransientError(ClusterError):
    """An error that may pass: the same call, repeated later, may work."""


class Unreachable(TransientError):
    """No connection to the login node, or it broke."""


class NotListening(Unreachable):
    """Login node that takes no connections, or to which there is no way."""


class NotSent(Unreachable):
    """Not all of a command's input left this machine: a command that needs the whole of it has done nothing."""


class CommandTimedOut(TransientError):
    """The command was sent and did not end in time; what it did is unknown."""


class SlurmUnavailable(TransientError):
    """slurmctld or slurmdbd does not answer."""


class LaunchFailed(TransientError):
    """Slurm took a job and ended it on its node before it began: a prolog failed, or the node refused it."""


class UploadDamaged(TransientError):
    """The content that arrived is not the content that was sent."""


class SiteLimit(TransientError):
    """A limit of the site on submitted jobs: the job waits in our queue."""


class SiteState(TransientError):
    """The site's present state keeps a job from being submitted: it waits, and so does all that `scope` takes in."""

    def __init__(self, message: str, *, hint: str | None = None, scope: RefusalScope = "cluster") -> None:
        super().__init__(message, hint=hint)
        self.scope = scope


class UnknownRefusal(SiteState):
    """sbatch refused the job in words that no table has: it waits, and its operator is told."""


class CopiesGone(TransientError):
    """Copies of data sets that were on the cluster are gone; nothing was submitted."""

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths` beneath the cluster's root."""
        super().__init__("its data is no longer on the cluster: it is copied again")
        self.paths = tuple(paths)


class PortClosed(TransientError):
    """Nothing takes connections at a port behind the login node."""


class AnswerBroken(TransientError):
    """A served model's answer came to no end: its run was ended, or the way to it."""


class PermanentError(ClusterError):
    """An error that stays: the same call will fail again until somebody changes something."""


class HostKeyChanged(PermanentError):
    """The host's key is not the one that was trusted."""


class LoginRefused(PermanentError):
    """The login node does not accept our key."""


class ForeignRoot(PermanentError):
    """The root on the cluster belongs to another installation, or a copy of this one drives it."""


class ForwardingRefused(PermanentError):
    """The login node's sshd connects nobody to ports behind it (AllowTcpForwarding, PermitOpen)."""


class SubmissionRefused(PermanentError):
    """sbatch refused the job; the message holds Slurm's own words."""


class ShapeRefused(SubmissionRefused):
    """No node is as the job asks: permanent unless the cluster says that it has such nodes."""


class RemoteFileError(PermanentError):
    """A remote file cannot be written or read."""


class RemoteDiskFull(RemoteFileError):
    """The cluster's disk, or our quota on it, is full."""


class DatasetUnreadable(RemoteFileError):
    """The content of a data set is not where it is to be copied from, or cannot be read there."""


class AttemptUnwritable(RemoteFileError):
    """One attempt's own folder cannot be written; nothing of it was submitted, and others are none the worse."""
