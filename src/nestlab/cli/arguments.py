"""Arguments and options that several commands have."""

from typing import Annotated

import typer

from nestlab.cli.complete import machine_paths

BootTimeout = Annotated[
    float, typer.Option(min=1, help="Seconds that each guest has until its shell answers.")
]

MachineOrLab = Annotated[
    str | None,
    typer.Argument(
        autocompletion=machine_paths, help="l1/l2, LAB:l1/l2, or a lab; the only lab if left out."
    ),
]
