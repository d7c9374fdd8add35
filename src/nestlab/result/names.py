"""Names of facts that whoever measures records and whoever reports reads."""

CLOCKSOURCE = "clocksource"
"""Condition: the kernel's current clocksource, such as `tsc` or `kvm-clock`."""

ENVELOPE_CPUS = "envelope_cpus"
"""Condition: the number of CPUs that a workload was allowed to use on this machine."""

LAUNCH_SECONDS = "launch_seconds"
"""Condition: seconds that L0 counts beyond the machine itself for a command that does nothing."""

ENVELOPE = "envelope"
"""Condition: `equal`, or `unequal` where a machine could not be bounded as the others are."""

ENVELOPE_WHY = "envelope_why"
"""Condition: why it is unequal."""

ENVELOPE_MEMORY = "envelope_memory"
"""Condition: bytes of memory that a workload may use, page cache included."""
