"""What came of one domain, for people and for programs."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from nestlab.harmless import plain

if TYPE_CHECKING:
    from nestlab.expose.plan import Plan
    from nestlab.expose.prove import Proof


@dataclass(frozen=True)
class Given:
    """What the command line says about one domain."""

    domain: str
    undo: bool
    force: bool
    restart: bool
    force_off: bool
    guest: str | None
    dry_run: bool
    yes: bool
    as_json: bool


class Report:
    """What came of one domain."""

    def __init__(self, plan: "Plan") -> None:
        self.plan = plan
        self.backup: str | None = None
        self.restarted = False
        self.proof: Proof | None = None

    @property
    def runs_with_it(self) -> bool:
        """Whether the guest that runs now was started with the extensions."""
        return self.restarted or runs_with_it(self.plan)

    def end(self, given: Given) -> int:
        """Print it; the exit status."""
        if given.as_json:
            typer.echo(json.dumps(self._document(), indent=1))
        else:
            self._say(given)
        return 1 if self.proof is not None and self.proof.shown is False else 0

    def _document(self) -> dict[str, Any]:
        from nestlab.expose.describe import plan_document, proof_document

        return {
            "schema": "nestlab.expose/1",
            **plan_document(self.plan),
            "backup": self.backup,
            "restarted": self.restarted,
            "takes_effect": "now" if self.runs_with_it else "next-start",
            "proof": proof_document(self.proof),
        }

    def _say(self, given: Given) -> None:
        name = self.plan.look.name
        if self.plan.nothing_to_do:
            say(f"{name}: has it already: {self.plan.cpu_before}")
        if self.backup:
            say(f"{name}: defined anew; `nestlab expose --undo {name}` puts back {self.backup}")
        if not given.dry_run and not self.runs_with_it:
            off = "takes effect at its next start"
            say(f"{name}: {off}{'; --restart does that' if self.plan.look.runs else ''}")
        if self.proof is not None:
            from nestlab.cli.expose_view import proof_lines

            for line in proof_lines(self.proof):
                say(f"{name}: {line}")


def runs_with_it(plan: "Plan") -> bool:
    """Whether the guest that runs now was started with the extensions already."""
    from nestlab.domain.cpu import Offer
    from nestlab.expose.plan import cpu_of

    if plan.look.live is None:
        return False
    return cpu_of(plan.look.live, plan.look.title).offer(plan.extension) is Offer.YES


def say(text: str) -> None:
    """One line on stderr."""
    typer.echo(plain(text), err=True)
