"""Running workloads over levels."""
