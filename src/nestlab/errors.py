"""Errors that know their own remedy.

Every error carries a stable code, the place where it happened, the evidence and a hint.
Only the command line prints them or turns them into an exit status.
"""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(eq=False)
class NestlabError(Exception):
    """Base of all expected failures.

    code     stable, dotted, lower case: ``kvm.nested-disabled``
    message  one sentence: what was found
    where    machine path and stage: ``l1/l2, while booting it``
    log      path of the evidence, or None
    hint     what the user does next, with the exact command where there is one
    notes    further lines of evidence, such as the last lines of a console
    """

    code: str
    message: str
    where: str | None = None
    log: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = field(default=())

    exit_status: ClassVar[int] = 70

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class UsageError(NestlabError):
    """The command line or the lab file is wrong."""

    exit_status = 2


class HostError(NestlabError):
    """The host lacks something; the hint has the command that mends it."""

    exit_status = 3


class MachineError(NestlabError):
    """A machine failed: launch, boot, shell or monitor."""

    exit_status = 4


class WorkloadError(NestlabError):
    """A workload could not be run or its output could not be read."""

    exit_status = 5


class StoredDataError(NestlabError):
    """A file that nestlab keeps is damaged, too new or missing."""

    exit_status = 6


class CleanupError(NestlabError):
    """Everything worked but the clean-up did not."""

    exit_status = 7
