"""Machines on which fio and sysbench are played with outputs of the real ones."""

from collections.abc import Callable
from pathlib import Path

from facts_examples import facts
from nestlab.bench.envelope import Target
from nestlab.bench.jobs import Subject
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed

GOLDEN = Path(__file__).parents[1] / "golden"
CPU = "cpu  100 0 50 1000 5 0 0 {} 0 0"
CLOCK = f"nestlab-clock: 100.00 102.50 / {CPU.format(0)} / {CPU.format(9)}\n"

Tool = Callable[[tuple[str, ...]], Completed]


def fio(argv: tuple[str, ...]) -> Completed:
    """The layout, or one of the two jobs."""
    if "-rw=write" in argv:
        return answer("{}")
    rw = next(word for word in argv if word.startswith("-rw=")).removeprefix("-rw=")
    return answer((GOLDEN / "fio" / f"{rw}.json").read_bytes(), stderr=CLOCK, elapsed=2.6)


def sysbench(argv: tuple[str, ...]) -> Completed:
    """With one or two threads."""
    threads = next(word for word in argv if word.startswith("--threads=")).partition("=")[2]
    golden = (GOLDEN / "sysbench" / f"cpu-{threads}.txt").read_bytes()
    return answer(golden, stderr=CLOCK, elapsed=2.6)


class BenchMachine(FakeMachine):
    """`log` is shared between machines and has `path: what` in the order of all runs.

    lacks   programs that are not installed
    placed  files that were put, by path
    quiet   what it says when it is listened to
    """

    def __init__(self, path: str, log: list[str], **tools: Tool) -> None:
        super().__init__(path)
        self.tools: dict[str, Tool] = {"fio": fio, "sysbench": sysbench, **tools}
        self.log = log
        self.drops = True
        self.quiet = f"load 0.10\nstat {CPU.format(0)}\nstat {CPU.format(0)}\n"
        self.lacks: set[str] = set()
        self.placed: dict[str, bytes] = {}
        self.programs.update(dict.fromkeys(("sh", "taskset", "rm", "mkdir", "fio"), self._play))

    def _play(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        if argv[0] in {"rm", "mkdir"}:
            self.log.append(f"{self.path}: {argv[0]}")
            return answer()
        if argv[-1] == "--version":
            self.log.append(f"{self.path}: {argv[0]} read again")
            return answer()
        if (argv[0] == "sh" and '"$@"' not in argv[2]) or argv[-1] == "true":
            return self._script(argv[2], argv[4:], stdin)
        command = argv[argv.index("taskset") + 3 :]
        layout = " layout" if "-rw=write" in command else ""
        self.log.append(f"{self.path}: {command[0]}{layout}")
        return self.tools[command[0]](command)

    def _script(self, script: str, words: tuple[str, ...], stdin: bytes) -> Completed:
        """The scripts of `bench/`."""
        if "command -v" in script:
            return answer("".join(f"{name}\n" for name in words if name in self.lacks))
        if "umask" in script:
            self.log.append(f"{self.path}: put {words[0]}")
            self.placed[words[0]] = stdin
            return answer()
        if "findmnt" in script:
            return answer("vda\n")
        if "drop_caches" in script:
            self.log.append(f"{self.path}: drop")
            return answer(status=0 if self.drops else 2)
        if "loadavg" in script:
            self.log.append(f"{self.path}: listen")
            return answer(self.quiet)
        still = f"nestlab-clock: 1.00 1.00 / {CPU.format(0)} / {CPU.format(0)}\n"
        return answer(stderr=still)

    @property
    def subject(self) -> Subject:
        """To be measured on the disk `vda`."""
        return Subject(self, Target(self.path, facts(), "/var/lib/nestlab", "vda"))
