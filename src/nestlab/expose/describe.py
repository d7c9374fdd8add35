"""What was found and done, as data for `--json` (`nestlab.expose/1`)."""

from dataclasses import asdict
from typing import Any

from nestlab.expose.plan import Plan
from nestlab.expose.prove import Proof
from nestlab.expose.survey import Row


def plan_document(plan: Plan) -> dict[str, Any]:
    """One domain's part before anything is done."""
    return {
        "domain": plan.look.name,
        "uuid": plan.look.uuid,
        "state": plan.look.state,
        "cpu_before": str(plan.cpu_before),
        "cpu_after": str(plan.cpu_after),
        "extension": plan.extension,
        "nothing_to_do": plan.nothing_to_do,
        "diff": list(plan.diff),
        "warnings": list(plan.warnings),
    }


def proof_document(proof: Proof | None) -> dict[str, Any] | None:
    """What was seen of the running guest; None: nobody looked."""
    return None if proof is None else {**asdict(proof), "shown": proof.shown}


def survey_document(rows: tuple[Row, ...]) -> dict[str, Any]:
    """`nestlab.expose-survey/1`."""
    return {"schema": "nestlab.expose-survey/1", "domains": [asdict(row) for row in rows]}
