"""A guest from options of a command line, by the rules of the lab file."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from nestlab.spec.explain import explain
from nestlab.spec.models import Guest, LabSpec
from nestlab.spec.values import FROM_FILE


def read_guest(options: Mapping[str, object]) -> Guest:
    """Option -> value as the lab file has it; None is an option that was not given.

    Raises UsageError with the code that the lab file's value would have.
    """
    given = {key: value for key, value in options.items() if value is not None}
    try:
        lab = LabSpec.model_validate({"name": "lab", "guests": [given]}, context=FROM_FILE)
    except ValidationError as error:
        problem = next(explain(error)).error
        message = problem.message.replace("guests[0].", "--")
        raise replace(problem, message=message) from None
    return lab.guests[0]
