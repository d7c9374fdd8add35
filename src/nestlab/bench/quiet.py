"""Whether L0 is quiet: its load, other guests on it, its clock rate and its heat."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from nestlab.bench.jiffies import Jiffies
from nestlab.deadline import Deadline
from nestlab.machine.protocol import Machine
from nestlab.result.models import FactValue

LISTENING = 1.0
"""Seconds that L0 is listened to before each round, while nothing is measured."""

BUSY = 0.25
"""Part of L0's CPUs from which on somebody else is called at work before a round: the idle guests
of an emulated chain alone were seen to take up to a tenth."""

SLOWER = 0.1
"""Part by which the clock rate may be below the highest seen."""

# One line each; what a machine has not got is not there. `others` are QEMUs that are none of ours.
_ASK = """
read -r load _ </proc/loadavg && echo "load $load"
read -r cpu </proc/stat && echo "stat $cpu"
sleep "$1"
read -r cpu </proc/stat && echo "stat $cpu"
shift
cd /sys/devices/system/cpu || exit 0
cat cpu[0-9]*/thermal_throttle/core_throttle_count 2>/dev/null | sed 's/^/throttled /'
cat cpu[0-9]*/cpufreq/scaling_cur_freq 2>/dev/null | sed 's/^/khz /'
for comm in /proc/[0-9]*/comm; do
    read -r name 2>/dev/null <"$comm" || continue
    case $name in qemu-system*|qemu-kvm|kvm) ;; *) continue ;; esac
    pid=${comm#/proc/} pid=${pid%/comm}
    case " $* " in *" $pid "*) ;; *) echo "other $pid" ;; esac
done
"""


@dataclass(frozen=True)
class Quiet:
    """L0 before a round; what it did not say is None.

    load       of the last minute
    busy       part of its CPUs' time that was used while nobody measured, 0 to 1
    throttled  how often its CPUs were too hot since they started
    mhz        mean clock rate
    others     QEMUs that are not of the lab
    """

    load: float | None = None
    busy: float | None = None
    throttled: int | None = None
    mhz: float | None = None
    others: int = 0

    @property
    def conditions(self) -> Mapping[str, FactValue]:
        """What is known, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


async def listen(
    host: Machine, ours: Collection[int], *, seconds: float = LISTENING, deadline: Deadline
) -> Quiet:
    """Ask L0; `ours` are the pids of the lab's QEMUs there. Raises what `Machine.run` raises."""
    argv = ("sh", "-c", _ASK, "sh", str(seconds), *map(str, ours))
    done = await host.run(argv, deadline=deadline, limit=1 << 16)
    return read(done.text)


def read(text: str) -> Quiet:
    """What the script printed; lines that are none of its own are left out."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        found.setdefault(name, []).append(rest)
    rates = _numbers(found.get("khz", []))
    heat = _numbers(found.get("throttled", []))
    load = _numbers(found.get("load", []))
    return Quiet(
        load=load[0] if load else None,
        busy=_busy(found.get("stat", [])),
        throttled=int(sum(heat)) if heat else None,
        mhz=round(sum(rates) / len(rates) / 1000, 1) if rates else None,
        others=len(found.get("other", [])),
    )


def disturbances(first: Quiet, before: Quiet, now: Quiet) -> Iterator[str]:
    """What a reader of a round has to know of L0.

    first   what it was at first; before: before the last round; now: before the one to come
    """
    if now.others:
        yield f"{now.others} other guest{'s run' if now.others > 1 else ' runs'} on l0"
    if now.busy is not None and now.busy > BUSY:
        yield f"l0 was {now.busy * 100:.0f} % busy before a round, while nothing was measured"
    if now.throttled is not None and before.throttled is not None:
        times = now.throttled - before.throttled
        if times > 0:
            yield f"the CPUs of l0 were throttled by heat {times} times during a round"
    if now.mhz and first.mhz and now.mhz < first.mhz * (1 - SLOWER):
        yield f"the clock rate of l0 fell from {first.mhz:.0f} to {now.mhz:.0f} MHz"


def _busy(lines: list[str]) -> float | None:
    read_ = [Jiffies.read(line) for line in lines]
    if len(read_) != 2 or read_[0] is None or read_[1] is None:
        return None
    return read_[0].until(read_[1]).busy


def _numbers(words: list[str]) -> list[float]:
    plain = (word for word in words if word.isascii() and word.replace(".", "", 1).isdecimal())
    return [float(word) for word in plain]
