"""The QEMU back end: argv (pure), monitor, console, process."""
