"""A workload that is chosen twice with other options: its cases say which they are."""

from dataclasses import dataclass, replace

from nestlab.workload.protocol import (
    Case,
    Command,
    Envelope,
    Metric,
    Parsed,
    Workload,
    runs_on_parent,
    wants_peer,
)


@dataclass(frozen=True)
class Labelled:
    """The workload, with the label behind the name of every case: `randread bs=64KiB`."""

    workload: Workload
    label: str

    @property
    def name(self) -> str:
        """As it is: the preparation of both is the same."""
        return self.workload.name

    @property
    def needs(self) -> tuple[str, ...]:
        """As they are."""
        return self.workload.needs

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """As they are."""
        return self.workload.metrics

    @property
    def wants_peer(self) -> bool:
        """As it is."""
        return wants_peer(self.workload)

    @property
    def runs_on_parent(self) -> bool:
        """As it is."""
        return runs_on_parent(self.workload)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:
        """With the label."""
        plain = self.workload.cases(vcpus=vcpus, queue_cpus=queue_cpus)
        return tuple(replace(case, case=f"{case.case} {self.label}") for case in plain)

    def command(self, case: Case, envelope: Envelope) -> Command:
        """That of the case without the label."""
        return self.workload.command(self._plain(case), envelope)

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Likewise. Raises WorkloadError as `Workload.parse` says."""
        return self.workload.parse(self._plain(case), stdout)

    def _plain(self, case: Case) -> Case:
        return replace(case, case=case.case.removesuffix(f" {self.label}"))
