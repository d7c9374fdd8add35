"""Read what matters for nesting on the machine that runs this file, and print it as JSON.

    probe.py [--root DIR] [--no-probe] [--no-programs] [--anonymous]

--root DIR   read the copy of another machine's files in DIR: no program is run, nothing outside
             DIR is read and nothing is said about the machine that runs this
--no-probe   look at /dev/kvm, do not open it
--no-programs  start no program, such as QEMU for its version: in an emulated guest each costs time
--anonymous  leave out what identifies a machine or its guests

The modules here are joined into one file (`python -m nestlab.facts.bundle > probe.py` prints it),
which is sent to every level (`python3 -`). So they use the standard library and each other alone,
work with Python 3.6, need no root and change nothing. What cannot be read is listed under
`unknown` with the reason; it is never guessed. Every read is bounded and waits for nothing.

What the kernel does not show of another machine can be put into DIR as text: `dmesg`, `uname`,
`systemd-detect-virt`, `dev/kvm.ls` (a line of `ls -l /dev/kvm`) and `boot/IMAGE.ls` (what
lsinitramfs lists).
"""
