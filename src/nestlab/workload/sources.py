"""A C program of many small files, made to be compiled: always the same, and checked by its sum.

It has what keeps a compiler busy in a kernel: a header of structs and inline functions that every
file reads, files of some dozens of functions, switches, loops, one link in the end.
"""

import io
import random
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MASK = (1 << 32) - 1
_INLINES = 80
_FUNCTIONS = 24
_STEPS = 6


@dataclass(frozen=True)
class _Step:
    """`x = x * factor + term; x ^= x >> shift`, on 32 bits."""

    factor: int
    term: int
    shift: int

    def __call__(self, x: int) -> int:
        x = (x * self.factor + self.term) & _MASK
        return x ^ (x >> self.shift)


def program(units: int) -> Mapping[str, str]:
    """The sources by name, of so many units and a main file."""
    names = [f"unit{number:03d}" for number in range(units)]
    made = {f"{name}.c": _unit(name, number) for number, name in enumerate(names)}
    return {"common.h": _header(), **made, "main.c": _main(names)}


def checksum(units: int) -> int:
    """What the program prints when its compiler and machine work."""
    total = 0
    for number in range(units):
        value = number
        for steps in _functions(number):
            # Each function has its switch: the case is chosen by the value.
            value = steps[value % _STEPS](value)
        total = (total + value) & _MASK
    return total


def archive(files: Mapping[str, str]) -> bytes:
    """A tar of them: one file to send, and equal files give equal bytes."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return into.getvalue()


def _functions(number: int) -> Iterator[list[_Step]]:
    """Those of one unit; Python's generator is the same in every version (its documentation)."""
    chance = random.Random(number)  # noqa: S311 - no secret
    for _ in range(_FUNCTIONS):
        yield [
            _Step(int(chance.random() * 2**15) * 2 + 1, int(chance.random() * 2**16), shift)
            for shift in range(5, 5 + _STEPS)
        ]


def _header() -> str:
    inlines = "\n".join(
        f"struct node{n} {{ struct node{n} *next; u32 key, value[{n % 7 + 1}]; }};\n"
        f"static inline u32 walk{n}(const struct node{n} *at)\n"
        "{\n\tu32 sum = 0;\n"
        f"\tfor (; at; at = at->next)\n\t\tsum += at->key ^ at->value[{n % 7}];\n"
        "\treturn sum;\n}"
        for n in range(_INLINES)
    )
    includes = "#include <stddef.h>\n#include <stdint.h>"
    return f"#pragma once\n{includes}\ntypedef uint32_t u32;\n{inlines}\n"


def _unit(name: str, number: int) -> str:
    functions = list(_functions(number))
    bodies = "\n".join(_function(n, steps) for n, steps in enumerate(functions))
    calls = "\n".join(f"\tx = step{n}(x);" for n in range(len(functions)))
    return f'#include "common.h"\n{bodies}\nu32 {name}(u32 x)\n{{\n{calls}\n\treturn x;\n}}\n'


def _function(n: int, steps: list[_Step]) -> str:
    cases = "\n".join(
        f"\tcase {at}:\n\t\tx = x * {step.factor}u + {step.term}u;\n"
        f"\t\treturn x ^ (x >> {step.shift});"
        for at, step in enumerate(steps)
    )
    kind = n % _INLINES
    return (
        f"static u32 step{n}(u32 x)\n{{\n"
        f"\tstruct node{kind} last = {{ NULL, x, {{ 0 }} }}, first = {{ &last, x, {{ 0 }} }};\n"
        f"\tif (walk{kind}(&first) != 2 * x)\n\t\treturn 0;\n"
        f"\tswitch (x % {len(steps)}) {{\n{cases}\n\t}}\n\treturn x;\n}}"
    )


def _main(names: list[str]) -> str:
    known = "\n".join(f"u32 {name}(u32 x);" for name in names)
    calls = "\n".join(f"\tsum += {name}({number});" for number, name in enumerate(names))
    return (
        f'#include "common.h"\n#include <stdio.h>\n{known}\nint main(void)\n{{\n\tu32 sum = 0;\n'
        f'{calls}\n\tprintf("sum %lu\\n", (unsigned long)sum);\n\treturn 0;\n}}\n'
    )
