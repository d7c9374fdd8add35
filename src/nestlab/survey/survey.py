"""Asking many targets at once, a bounded number at a time."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nestlab.errors import NestlabError
from nestlab.home import Home
from nestlab.survey.ask import Question, ask
from nestlab.survey.target import Target

if TYPE_CHECKING:
    from nestlab.facts.model import Facts


@dataclass(frozen=True)
class Answer:
    """What came of asking: facts, or the error that says why there are none.

    seconds  from the question to the answer, by the controller's clock
    """

    target: Target
    seconds: float
    facts: "Facts | None" = None
    problem: NestlabError | None = None


async def survey(
    targets: Iterable[Target],
    question: Question,
    home: Home,
    *,
    at_once: int,
    took: Callable[[Answer], None],
) -> None:
    """Tell `took` each answer as it comes; nothing is kept here, however many targets there are.

    at_once  targets that are asked at the same time
    """
    waiting = iter(targets)

    async def work() -> None:
        for target in waiting:
            took(await _answer(target, question, home))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


async def _answer(target: Target, question: Question, home: Home) -> Answer:
    started = time.monotonic()
    try:
        facts = await ask(target, question, home)
    except NestlabError as problem:
        return Answer(target, time.monotonic() - started, problem=problem)
    return Answer(target, time.monotonic() - started, facts)
