"""Answers, trees and players of installers, for the tests of `nestlab image install`."""

from nestlab.install.answers import Answers, Mirror
from nestlab.install.family import Source
from nestlab.units import MIB

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJnZk1yYWmXk3o4yM0u2R0n5i1m9y8Tq0bqv0o1lZk3b me@here"
KEY_2 = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBExample="

MIRROR = Mirror(
    "http://10.0.2.2:4711/secret/mirror",
    (("http://mirror.example/debian", ""), ("http://mirror.example/debian", "-updates")),
)
TREE = Source("http://10.0.2.2:4711/secret/tree")
SISTERS = Source(
    "http://10.0.2.2:4711/secret/tree/BaseOS/x86_64/os",
    (("AppStream", "http://10.0.2.2:4711/secret/tree/AppStream/x86_64/os"),),
)

PLAIN = Answers("web-1", "lab", (KEY,))
FULL = Answers(
    "web-1", "lab", (KEY, KEY_2), filesystem="btrfs", swap=512 * MIB, packages=("vim", "g++")
)
