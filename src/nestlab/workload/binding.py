"""Keep a command on the CPUs of its envelope."""

from nestlab.workload.protocol import Argv, Envelope


def bind(envelope: Envelope, argv: Argv) -> Argv:
    """The command under `taskset`.

    Always, also where the envelope is the whole machine: the same command must run at every
    level, and L0 has more CPUs than its guests.
    """
    return ("taskset", "-c", ",".join(map(str, envelope.cpus)), *argv)
