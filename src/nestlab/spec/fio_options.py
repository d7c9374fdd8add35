"""What a lab file may say of fio, and what of fio's own options it may not.

A benchmark must do I/O on its target, print what nestlab reads, and nothing else. So options that
listen, start programs, write elsewhere, leave the CPUs of the envelope or change the report are
refused by name, their aliases too (fio 3.33, `fio --cmdhelp=all`).
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from nestlab.spec.counts import OneCount
from nestlab.spec.entry import Options
from nestlab.spec.values import BlockSize, DiskName, DiskSize, LocalPath, refusal

Rw = Literal["read", "write", "randread", "randwrite", "randrw", "readwrite"]
Engine = Literal[
    "libaio", "io_uring", "posixaio", "sync", "psync", "vsync", "pvsync", "pvsync2", "mmap"
]
"""Those that do I/O on files and block devices. Others talk to networks or start programs."""

_ELSEWHERE = "it can write elsewhere than to its target"
_PROGRAM = "it can start programs"
_NETWORK = "it is for networks"
_REPORT = "it changes the report that nestlab reads"
_CPUS = "nestlab chooses the CPUs, the same number at every level"
_USER = "nestlab chooses the user"
_PATTERNS = (
    (re.compile(r"exec_.*|profile|program|arguments|std_redirect|trigger.*"), _PROGRAM),
    (re.compile(r"hostname|port|listen|client|server|daemonize|remote.*|uri|interface"), _NETWORK),
    (
        re.compile(
            r"filename.*|unique_filename|directory|opendir|lockfile|unlink.*|fill_(device|fs)"
            r"|allow_mounted_write|create_only|readonly|mem|iomem|(read|write)_iolog.*|replay_.*"
            r"|merge_blktrace_.*|verify_(dump|state_.*)|error_dump|cgroup.*|ioscheduler|include"
            r"|aux_?path|spawn.*"
        ),
        _ELSEWHERE,
    ),
    (
        re.compile(
            r"output.*|status_interval|eta.*|minimal|append_terse|terse_version|group_reporting"
            r"|new_group|stonewall|wait_for.*|per_job_logs|write_.*_log|log_.*|(bw|iops)avgtime"
            r"|.*percentile.*|significant_figures|stats|disk_util|gtod_reduce|disable_.*"
            r"|unified_rw_reporting|unit_base|name|parse_only|showcmd|section|debug|job_start_.*"
        ),
        _REPORT,
    ),
    (re.compile(r"cpus_.*|cpumask|numa_.*|gtod_cpu|sqthread_poll_cpu|verify_async_cpus"), _CPUS),
    (re.compile(r"uid|gid"), _USER),
)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
# fio puts what `$` names into a value, and has a shell reckon with it.
_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f$`#;\\]{0,200}")

_OWN = {
    **{
        key: key
        for key in ("rw", "bs", "size", "runtime", "iodepth", "numjobs", "ioengine", "direct")
    },
    "buffered": "direct",
    "readwrite": "rw",
    "blocksize": "bs",
    "timeout": "runtime",
}
"""Options of fio -> the key that nestlab has for it."""


def why_refused(name: str, value: str) -> str | None:
    """Why this option of fio cannot be given, in a job file or anywhere; None where it can."""
    plain = name.replace("-", "_")
    for pattern, why in _PATTERNS:
        if pattern.fullmatch(plain):
            return why
    if not _VALUE.fullmatch(value):
        return "its value has characters that are not allowed"
    if plain == "ioengine" and value not in get_args(Engine):
        return f"engines that can be measured: {', '.join(get_args(Engine))}"
    if plain in {"rw", "readwrite"} and value.partition(":")[0] not in get_args(Rw):
        return f"directions that can be measured: {', '.join(get_args(Rw))}"
    return None


def _text_of(name: str, value: object) -> str:
    """A value as fio reads it."""
    match value:
        case bool():
            return str(int(value))
        case int() | float() | str():
            return str(value)
        case _:
            raise refusal(f"must have a number, a text, true or false for {name}")


def _read_extra(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise refusal("must be a mapping (key: value)")
    if len(value) > 64:
        raise refusal("must have at most 64 entries")
    found: dict[str, str] = {}
    for name, given in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise refusal("must have names of fio's options: small letters, digits, _ and -")
        text = _text_of(name, given)
        if name in _OWN:
            raise refusal(f"must not have {name}", hint=f"use the key `{_OWN[name]}` of fio itself")
        if why := why_refused(name, text):
            raise refusal(f"must not have {name}", hint=why)
        found[name] = text
    return found


Extra = Annotated[
    dict[str, str],
    BeforeValidator(_read_extra),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "maxProperties": 64,
        }
    ),
]

_FILES_OWN = ("rw", "bs", "iodepth", "numjobs", "ioengine", "direct", "options")


class FioOptions(Options):
    """The seed document's two jobs, unless one of these says otherwise."""

    rw: Rw | None = Field(
        default=None,
        description=f"one of {', '.join(get_args(Rw))}; randread and randwrite when left out",
    )
    bs: BlockSize | None = Field(
        default=None, description="block size from 512B to 64MiB in whole 512B, such as 4KiB"
    )
    size: DiskSize | None = Field(
        default=None, description="what is read and written, from 1MiB, such as 1GiB"
    )
    runtime: int | None = Field(
        default=None, strict=True, ge=1, le=86400, description="seconds at most, from 1 to 86400"
    )
    iodepth: int | None = Field(
        default=None, strict=True, ge=1, le=65536, description="queue depth, from 1 to 65536"
    )
    numjobs: OneCount | None = Field(
        default=None,
        description="jobs side by side: a number from 1 to 4096, or vcpus; as many as CPUs serve "
        "the disk when left out",
    )
    ioengine: Engine | None = Field(
        default=None, description=f"one of {', '.join(get_args(Engine))}"
    )
    direct: bool | None = Field(
        default=None, strict=True, description="true (past the page cache) or false"
    )
    options: Extra | None = Field(
        default=None, description="further options of fio by their names: {ramp_time: 5}"
    )
    jobfile: LocalPath | None = Field(
        default=None, description="path of a job file on L0, relative to the folder of the lab file"
    )
    device: Literal["file"] | DiskName | None = Field(
        default=None,
        description="file, or the name of a disk: of `disks`, or dev0, dev1 … of `devices`",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        both = sorted(self.given().keys() & set(_FILES_OWN)) if self.jobfile else []
        if both:
            raise refusal(
                f"must not have {both[0]} beside jobfile", hint=f"write {both[0]} in the job file"
            )
        return self
