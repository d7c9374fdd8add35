"""Turns of guests that boot."""

import asyncio

import pytest

from nestlab.hypervisor.protocol import KERNEL_UP, LOGGING_IN
from nestlab.lab.build.turns import Turns


@pytest.mark.parametrize("stage", [KERNEL_UP, LOGGING_IN])
def test_the_next_one_starts_when_the_first_is_far_enough(stage: str) -> None:
    log: list[str] = []

    async def boot(name: str, turns: Turns) -> None:
        async with turns.take() as turn:
            tell = turn.watch(lambda told: log.append(f"{name} {told}"))
            for each in ("starting the kernel", stage, "the end"):
                tell(each)
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    async def work() -> bool:
        turns = Turns(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(boot("a", turns))
            group.create_task(boot("b", turns))
        return turns.all_taken

    assert not asyncio.run(work())
    assert log.index(f"a {stage}") < log.index("b starting the kernel") < log.index("a the end")


def test_a_turn_is_given_back_once_however_it_ends() -> None:
    async def breaks(turns: Turns) -> None:
        async with turns.take() as turn:
            turn.watch(print)(KERNEL_UP)
            turn.watch(print)(LOGGING_IN)
            raise ValueError("lost")

    async def work() -> None:
        turns = Turns(1)
        with pytest.raises(ValueError, match="lost"):
            await breaks(turns)
        async with turns.take():
            assert turns.all_taken, "one is all that there is"

    asyncio.run(work())
